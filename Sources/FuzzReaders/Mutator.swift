// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// Inputs numbered from 0: first every prefix of every sample up to 4 kB, then mutations, each fixed by the seed and its number.
struct Mutator {
  let format: Format
  let samples: [[UInt8]]
  let seed: UInt64
  /// For every prefix its sample and length.
  private let prefixes: [(sample: Int, length: Int)]

  init(format: Format, samples: [Data], seed: UInt64) {
    (self.format, self.samples, self.seed) = (format, samples.map { Array($0) }, seed)
    prefixes = samples.enumerated().flatMap { sample, bytes in (0..<min(bytes.count, 4096)).map { (sample, $0) } }
  }

  var prefixCount: Int { prefixes.count }

  func input(_ number: Int) -> [UInt8] {
    if number < prefixes.count { return Array(samples[prefixes[number].sample].prefix(prefixes[number].length)) }
    var random = RandomGenerator(seed: seed &+ UInt64(number - prefixes.count) &* 0x9e37_79b9_7f4a_7c15)
    var bytes = samples.randomElement(using: &random)!
    for _ in 0..<Int.random(in: 1...6, using: &random) { Self.mutate(&bytes, samples, &random) }
    // Half of the inputs get their checksums right again, so that what lies behind them is reached.
    if Bool.random(using: &random) {
      if format == .png { repairPNG(&bytes) }
      if format == .events { repairEvents(&bytes) }
      if format == .torchZip || format == .sparseNPZ { repairZip(&bytes) }
    }
    return bytes
  }

  static func mutate(_ bytes: inout [UInt8], _ samples: [[UInt8]], _ random: inout RandomGenerator) {
    guard !bytes.isEmpty else {
      bytes = [UInt8.random(in: 0...255, using: &random)]
      return
    }
    // Headers decide: every second position lies in the first 256 bytes.
    let position = Int.random(in: 0..<(Bool.random(using: &random) ? min(bytes.count, 256) : bytes.count), using: &random)
    let end = min(bytes.count, position + Int.random(in: 1...32, using: &random))
    switch Int.random(in: 0..<9, using: &random) {
    case 0: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: bytes[position] = UInt8.random(in: 0...255, using: &random)
    case 2: bytes[position] = bytes[position] &+ (Bool.random(using: &random) ? 1 : 255)
    case 3, 4:
      let width = [1, 2, 4, 8].randomElement(using: &random)!
      let value = ([0, 1, 0x7f, 0x80, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 40, 1 << 62, .max, 1 << 63] as [UInt64])
        .randomElement(using: &random)!
      let isBig = Bool.random(using: &random)
      for k in 0..<width where position + k < bytes.count {
        bytes[position + k] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (isBig ? width - 1 - k : k)))
      }
    case 5: bytes.removeSubrange(position..<end)
    case 6: bytes.insert(contentsOf: bytes[position..<end], at: position)
    case 7: bytes.insert(contentsOf: (position..<end).map { _ in UInt8.random(in: 0...255, using: &random) }, at: position)
    default:
      let other = samples.randomElement(using: &random)!
      let start = Int.random(in: 0..<other.count, using: &random)
      bytes.replaceSubrange(position..<end, with: other[start..<min(other.count, start + end - position)])
    }
  }

  private func repairPNG(_ bytes: inout [UInt8]) {
    var position = 8
    while position + 12 <= bytes.count {
      let length = bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
      guard length <= bytes.count - position - 12 else { return }
      let end = position + 8 + length
      let checksum = Checksum.crc(bytes[position + 4..<end], polynomial: 0xedb8_8320)
      for k in 0..<4 { bytes[end + k] = UInt8(truncatingIfNeeded: checksum >> UInt32(24 - 8 * k)) }
      position = end + 4
    }
  }

  /// The checksums that the directory has of stored members.
  private func repairZip(_ bytes: inout [UInt8]) {
    func number(_ position: Int, _ width: Int) -> Int { (0..<width).reversed().reduce(0) { $0 << 8 | Int(bytes[position + $1]) } }
    for record in bytes.indices.dropLast(45) where bytes[record] == 0x50 && number(record, 4) == 0x0201_4b50 {
      let (size, header) = (number(record + 20, 4), number(record + 42, 4))
      guard header + 30 <= bytes.count else { continue }
      let start = header + 30 + number(header + 26, 2) + number(header + 28, 2)
      guard start + size <= bytes.count else { continue }
      let checksum = Checksum.crc(bytes[start..<start + size], polynomial: 0xedb8_8320)
      for k in 0..<4 { bytes[record + 16 + k] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * k)) }
    }
  }

  private func repairEvents(_ bytes: inout [UInt8]) {
    func put(_ range: Range<Int>, _ bytes: inout [UInt8]) {
      let crc = Checksum.crc(bytes[range], polynomial: 0x82f6_3b78)
      let masked = (crc >> 15 | crc << 17) &+ 0xa282_ead8
      for k in 0..<4 { bytes[range.upperBound + k] = UInt8(truncatingIfNeeded: masked >> UInt32(8 * k)) }
    }
    var position = 0
    while position + 12 <= bytes.count {
      let length = bytes[position..<position + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      put(position..<position + 8, &bytes)
      guard bytes.count - position >= 16, length <= UInt64(bytes.count - position - 16) else { return }
      let end = position + 12 + Int(length)
      put(position + 12..<end, &bytes)
      position = end + 4
    }
  }
}

private enum Checksum {
  /// A reflected 32-bit cyclic redundancy check.
  static func crc(_ bytes: ArraySlice<UInt8>, polynomial: UInt32) -> UInt32 {
    var crc: UInt32 = .max
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ polynomial : crc >> 1 }
    }
    return ~crc
  }
}
