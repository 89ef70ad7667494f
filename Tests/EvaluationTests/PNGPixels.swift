// SPDX-License-Identifier: Apache-2.0
import CPNG
import Foundation
import Testing

/// A PNG file's pixels as red, green, blue and opacity, read by libpng.
struct PNGPixels {
  let width: Int
  let height: Int
  let bytes: [UInt8]

  init(_ file: Data) throws {
    var image = png_image()
    image.version = 1  // PNG_IMAGE_VERSION
    let begun = file.withUnsafeBytes { png_image_begin_read_from_memory(&image, $0.baseAddress, file.count) }
    try #require(begun != 0)
    image.format = 3  // PNG_FORMAT_RGBA
    var pixels = [UInt8](repeating: 0, count: Int(image.width * image.height) * 4)
    // libpng reads the file's memory here, so it must stay where it is.
    let finished = file.withUnsafeBytes { memory in
      png_image_free(&image)
      image = png_image()
      image.version = 1
      guard png_image_begin_read_from_memory(&image, memory.baseAddress, file.count) != 0 else { return Int32(0) }
      image.format = 3
      return png_image_finish_read(&image, nil, &pixels, 0, nil)
    }
    try #require(finished != 0)
    (width, height, bytes) = (Int(image.width), Int(image.height), pixels)
  }

  subscript(x: Int, y: Int) -> [UInt8] { Array(bytes[(y * width + x) * 4..<(y * width + x + 1) * 4]) }
}
