// SPDX-License-Identifier: Apache-2.0
import CUnfoldNet
import LinearSystems
import Operators
import Platform
import Problems
import Tensors
import WeightFiles

/// An array of the caller's, its type, shape and size checked.
struct GivenArray {
  /// The most numbers of an array.
  static let limit = 1 << 30

  let space: ArraySpace
  let precision: Precision
  private let data: UnsafeMutableRawPointer

  /// - Parameter name: what errors call it.
  init(_ pointer: UnsafePointer<unf_array>?, _ name: String) throws {
    guard let array = pointer?.pointee else { throw InputError("found no \(name); expected an array") }
    space = try ArraySpace(array, name)
    precision = array.type == UNF_FLOAT32 || array.type == UNF_COMPLEX64 ? .single : .double
    guard let data = array.data else { throw InputError("found \(name) without data; expected \(space)") }
    let alignment = precision == .single ? 4 : 8
    guard Int(bitPattern: data) % alignment == 0 else {
      throw InputError("found \(name) at an address that is no multiple of \(alignment); expected one")
    }
    self.data = data
  }

  /// The numbers, in their own precision.
  ///
  /// - Throws: ``InputError`` for NaN and infinity.
  func value(_ name: String) throws -> NumericArray {
    let count = space.numbers.reduce(1, *)
    let numbers =
      switch precision {
      case .single:
        Tensor(
          Array(UnsafeBufferPointer(start: data.assumingMemoryBound(to: Float.self), count: count)), shape: space.numbers)
      case .double:
        Tensor(
          Array(UnsafeBufferPointer(start: data.assumingMemoryBound(to: Double.self), count: count)), shape: space.numbers)
      }
    guard numbers.isFinite else { throw InputError("found NaN or infinity in \(name); expected finite numbers") }
    return NumericArray(numbers: numbers, isComplex: space.isComplex)
  }

  /// Samples of a space, `[samples]` + its numbers; one alone is one sample.
  func samples(of space: ArraySpace, _ name: String) throws -> Tensor {
    guard let samples = try value(name).samples(of: space) else {
      throw InputError("found \(name) of shape \(self.space); expected \(space), or samples of it")
    }
    return samples
  }

  /// Writes numbers where they fit.
  func fill(_ numbers: Tensor, of space: ArraySpace, like input: GivenArray, _ inputSpace: ArraySpace, _ name: String) throws {
    let expected = ArraySpace(
      input.space.shape.dropLast(inputSpace.shape.count) + space.shape, isComplex: space.isComplex)
    guard self.space == expected else { throw InputError("found \(name) of shape \(self.space); expected \(expected)") }
    fill(numbers)
  }

  func fill(_ numbers: Tensor) {
    switch precision {
    case .single: numbers.floats.withUnsafeBytes { data.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    case .double: numbers.doubles.withUnsafeBytes { data.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    }
  }
}

extension ArraySpace {
  /// The shape and the type of an array of the caller's.
  init(_ array: unf_array, _ name: String) throws {
    guard (UNF_FLOAT32...UNF_COMPLEX128).contains(Int(array.type)) else {
      throw InputError("found \(name) of type \(array.type); expected \(UNF_FLOAT32) to \(UNF_COMPLEX128)")
    }
    self.init(
      try extents(rank: array.rank, array.shape, name) ?? [],
      isComplex: array.type == UNF_COMPLEX64 || array.type == UNF_COMPLEX128)
  }
}

/// Extents that the caller gives, all positive and not too large together; nil of NULL without any.
func extents(rank: Int32, _ pointer: UnsafePointer<Int64>?, _ name: String) throws -> [Int]? {
  if pointer == nil, rank == 0 { return nil }
  guard (0...8).contains(rank), let pointer else {
    throw InputError("found \(name) of \(rank) axes; expected up to 8")
  }
  let extents = UnsafeBufferPointer(start: pointer, count: Int(rank)).map { Int($0) }
  let count = extents.reduce(1.0) { $0 * Double($1) }
  guard extents.allSatisfy({ $0 >= 1 }), count <= Double(GivenArray.limit) else {
    throw InputError("found \(name) of shape \(extents); expected extents from 1, and up to 2^30 numbers")
  }
  return extents
}

/// Arrays under the names that a description uses.
struct GivenArrays: DescriptionSource {
  let arrays: [String: NumericArray]
  init(_ arrays: [String: NumericArray]) { self.arrays = arrays }

  private func array(_ name: String) throws -> NumericArray {
    guard let array = arrays[name] else {
      let known = arrays.keys.sorted().joined(separator: ", ")
      throw InputError("found no array \(name); expected \(known.isEmpty ? "one given under this name" : "one of \(known)")")
    }
    return array
  }

  private func real(_ name: String, axes: ClosedRange<Int>) throws -> Tensor {
    let found = try array(name)
    guard let real = found.real, axes.contains(real.shape.count) else {
      throw InputError(
        "found \(name) of \(found.isComplex ? "complex" : "real") numbers, \(found.shape); expected real ones of "
          + "\(axes.lowerBound) axes\(axes.count > 1 ? " or more" : "")")
    }
    return real.converted(to: .double)
  }

  func path(of name: String) -> String { name }
  func table(_ path: String, names: [String]) throws -> Tensor { try real(path, axes: 2...2) }
  func kernel(_ path: String) throws -> Tensor { try real(path, axes: 2...2) }
  func image(_ path: String) throws -> Tensor { try real(path, axes: 2...2) }
  func angles(_ path: String) throws -> [Double] { try real(path, axes: 1...2).doubles }
  func coilMaps(_ path: String) throws -> CoilSensitivities {
    let maps = try array(path).complex
    guard maps.shape.count == 3 else {
      throw InputError("found \(path) of shape \(maps.shape); expected coil maps, [coils, height, width]")
    }
    return CoilSensitivities(maps: ComplexTensor(pairs: maps.pairs.converted(to: .double)))
  }
  func matrix(_ path: String, variable: String?) throws -> OperatorMatrix {
    try OperatorMatrix(dense: real(path, axes: 2...2), path: path)
  }
}
