// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What stands beside the coded data of a JPEG file: an orientation, bytes between segments that belong to nothing, and what follows the end.
struct JPEGSegments {
  var orientation: ImageOrientation { ofEXIF ?? ofXMP ?? .upright }
  private var ofEXIF: ImageOrientation?, ofXMP: ImageOrientation?
  private(set) var extraBytes = 0
  private var extra: [Range<Int>] = []
  /// Bytes behind the end of the image, and whether another begins there.
  private(set) var bytesBehind = 0
  private(set) var isAnotherBehind = false

  init(_ bytes: UnsafeRawBufferPointer) {
    var position = 2  // behind the mark of the beginning
    while let marker = self.marker(bytes, &position) {
      if marker == 0xd9 {  // the end
        bytesBehind = bytes.count - position
        isAnotherBehind = bytesBehind >= 2 && bytes[position] == 0xff && bytes[position + 1] == 0xd8
        return
      }
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
      if marker == 0xda { position = Self.endOfScan(bytes, position) }
    }
  }

  /// Where the next marker begins behind coded data, which has a 0 behind every 0xff of its own, and marks of its parts.
  private static func endOfScan(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Int {
    var position = start
    while position + 1 < bytes.count, let found = memchr(bytes.baseAddress! + position, 0xff, bytes.count - 1 - position) {
      position = UnsafeRawPointer(found) - bytes.baseAddress!
      let next = bytes[position + 1]
      if next != 0, next != 0xff, !(0xd0...0xd7).contains(next) { return position }
      position += next == 0xff ? 1 : 2
    }
    return bytes.count
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
