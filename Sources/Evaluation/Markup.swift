// SPDX-License-Identifier: Apache-2.0

/// Text made safe for HTML and XML, between tags and in quoted attributes; characters that XML forbids become U+FFFD.
func escaped(_ text: String) -> String {
  var out = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": out += "&amp;"
    case "<": out += "&lt;"
    case ">": out += "&gt;"
    case "\"": out += "&quot;"
    case "'": out += "&#39;"
    case "\n", "\t": out.unicodeScalars.append(scalar)
    default:
      let forbidden = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.value & 0xFFFE == 0xFFFE
      out.unicodeScalars.append(forbidden ? "\u{FFFD}" : scalar)
    }
  }
  return out
}
