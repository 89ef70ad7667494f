// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// How the stored rows and columns of an image are to be shown: the orientation tag (274) of TIFF and EXIF.
enum ImageOrientation: Int {
  case upright = 1, mirrored, upsideDown, flipped, transposed, clockwise, transverse, counterclockwise

  var swapsSides: Bool { rawValue >= 5 }

  /// The stored pixel that is shown at `row`, `column`, of `height` × `width` stored ones.
  private func source(_ row: Int, _ column: Int, _ height: Int, _ width: Int) -> (Int, Int) {
    switch self {
    case .upright: (row, column)
    case .mirrored: (row, width - 1 - column)
    case .upsideDown: (height - 1 - row, width - 1 - column)
    case .flipped: (height - 1 - row, column)
    case .transposed: (column, row)
    case .clockwise: (height - 1 - column, row)
    case .transverse: (height - 1 - column, width - 1 - row)
    case .counterclockwise: (column, width - 1 - row)
    }
  }

  /// The image as it is to be shown, with a remark unless it is stored so.
  func applied(to image: Image, path: String) -> Image {
    guard self != .upright else { return image }
    let (h, w) = (image.height, image.width)
    let (rows, columns) = swapsSides ? (w, h) : (h, w)
    let stored = image.values.doubles
    let shown = [Double](unsafeUninitializedCapacity: stored.count) { out, filled in
      stored.withUnsafeBufferPointer { stored in
        for c in 0..<image.channels {
          for i in 0..<rows {
            for j in 0..<columns {
              let (y, x) = source(i, j, h, w)
              (out.baseAddress! + (c * rows + i) * columns + j).initialize(to: stored[(c * h + y) * w + x])
            }
          }
        }
      }
      filled = stored.count
    }
    Remarks.note("\(path): found orientation \(rawValue), \(w) × \(h) pixels are turned into \(columns) × \(rows) upright ones")
    return Image(
      values: Tensor(shown, shape: image.channels == 1 ? [rows, columns] : [3, rows, columns]), bitDepth: image.bitDepth,
      isScaled: image.isScaled)
  }

  /// The orientation in a text of XMP, `tiff:Orientation="6"` or the element of that name; nil where it says none.
  init?(xmp bytes: UnsafeRawBufferPointer) {
    let (text, name) = (String(decoding: bytes.prefix(1 << 20), as: UTF8.self), "tiff:Orientation")
    guard let place = text.range(of: name) else { return nil }
    let after = text[place.upperBound...]
    guard let mark = ["=\"", "='", ">"].first(where: after.hasPrefix),
      let value = after.dropFirst(mark.count).first?.wholeNumberValue
    else {
      return nil
    }
    self.init(rawValue: value)
  }

  /// The orientation in a block of EXIF, which is a TIFF file without pixels; nil where it says none of 1 to 8.
  init?(exif bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= 8 else { return nil }
    let isBigEndian = bytes[0] == UInt8(ascii: "M")
    func short(_ i: Int) -> Int? {
      guard i >= 0, i + 2 <= bytes.count else { return nil }
      return isBigEndian ? Int(bytes[i]) << 8 | Int(bytes[i + 1]) : Int(bytes[i + 1]) << 8 | Int(bytes[i])
    }
    func long(_ i: Int) -> Int? {
      guard let a = short(i), let b = short(i + 2) else { return nil }
      return isBigEndian ? a << 16 | b : b << 16 | a
    }
    guard bytes[0] == bytes[1], isBigEndian || bytes[0] == UInt8(ascii: "I"), let start = long(4), let count = short(start) else {
      return nil
    }
    for k in 0..<count {
      let entry = start + 2 + 12 * k
      guard let tag = short(entry) else { return nil }
      if tag == 274, let value = short(entry + 8) {
        self.init(rawValue: value)
        return
      }
    }
    return nil
  }
}
