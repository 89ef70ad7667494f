// SPDX-License-Identifier: Apache-2.0

/// What stands before the coded data of a JPEG file: an orientation, and bytes between segments that belong to nothing.
struct JPEGSegments {
  var orientation: ImageOrientation { ofEXIF ?? ofXMP ?? .upright }
  private var ofEXIF: ImageOrientation?, ofXMP: ImageOrientation?
  private(set) var extraBytes = 0
  private var extra: [Range<Int>] = []

  init(_ bytes: UnsafeRawBufferPointer) {
    var position = 2  // behind the mark of the beginning
    while let marker = self.marker(bytes, &position) {
      if marker == 0xd9 || marker == 0xda { return }  // the end, a scan
      if (0xd0...0xd8).contains(marker) || marker == 1 { continue }  // without contents
      guard position + 2 <= bytes.count else { return }
      let length = Int(bytes[position]) << 8 | Int(bytes[position + 1])
      guard length >= 2, position + length <= bytes.count else { return }
      let content = UnsafeRawBufferPointer(rebasing: bytes[position + 2..<position + length])
      if marker == 0xe1, content.starts(with: Array("Exif\0\0".utf8)) {
        ofEXIF = ImageOrientation(exif: UnsafeRawBufferPointer(rebasing: content.dropFirst(6))) ?? ofEXIF
      } else if marker == 0xe1, content.starts(with: Array("http://ns.adobe.com/xap/1.0/\0".utf8)) {
        ofXMP = ImageOrientation(xmp: content)
      }
      position += length
    }
  }

  /// The next marker, its place left behind; everything before it that is no filling 0xff belongs to nothing.
  private mutating func marker(_ bytes: UnsafeRawBufferPointer, _ position: inout Int) -> UInt8? {
    let begin = position
    var found = position
    while true {
      while found < bytes.count, bytes[found] != 0xff { found += 1 }
      var next = found
      while next < bytes.count, bytes[next] == 0xff { next += 1 }
      guard next < bytes.count else { return nil }
      if bytes[next] != 0 {
        if found > begin {
          extra.append(begin..<found)
          extraBytes += found - begin
        }
        position = next + 1
        return bytes[next]
      }
      found = next + 1
    }
  }

  /// The file without these bytes.
  func cleaned(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    var (result, end) = ([UInt8](), 0)
    result.reserveCapacity(bytes.count)
    for range in extra {
      result += bytes[end..<range.lowerBound]
      end = range.upperBound
    }
    return result + bytes[end...]
  }
}
