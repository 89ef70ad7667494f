// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors

/// E: patches cut out of images at given places, which may overlap. `[…, height, width]` to `[…, count, side²]`, real or complex.
///
/// Its adjoint adds the patches up where they came from; EᵀE multiplies a pixel by the number of patches that hold it.
public struct PatchExtraction<Image: ImageSpace>: LinearOperator {
  public let height: Int
  public let width: Int
  public let side: Int
  /// First pixels, row by row.
  public let places: [Int32]

  public init(height: Int, width: Int, side: Int, places: [Int32]) {
    precondition(
      side > 0 && height > 0 && width > 0
        && places.allSatisfy { $0 >= 0 && Int($0) / width + side <= height && Int($0) % width + side <= width },
      "patches of \(side) × \(side) that are not within an image of \(height) × \(width)")
    self.height = height
    self.width = width
    self.side = side
    self.places = places
  }

  /// All patches of a lattice.
  public init(_ lattice: PatchLattice) {
    self.init(height: lattice.height, width: lattice.width, side: lattice.side, places: lattice.places)
  }

  public var domainShape: [Int] { [height, width] }
  public var codomainShape: [Int] { [places.count, side * side] }

  public func forward(_ x: Image) -> Image {
    if x.isShapelessZero { return x }
    precondition(x.shape.suffix(2) == domainShape[...], "patches of images of shape \(x.shape); expected […] + \(domainShape)")
    return mapped(x, to: codomainShape) {
      cut($0, $1)
    } double: {
      cut($0, $1)
    }
  }

  public func adjoint(_ y: Image) -> Image {
    if y.isShapelessZero { return y }
    precondition(y.shape.suffix(2) == codomainShape[...], "patches of shape \(y.shape); expected […] + \(codomainShape)")
    return mapped(y, to: domainShape) {
      add($0, $1)
    } double: {
      add($0, $1)
    }
  }

  /// Numbers of a row of a patch.
  private var pitch: Int { side * Image.parts }

  private func cut<S: Scalar>(_ image: UnsafePointer<S>, _ patches: UnsafeMutablePointer<S>) {
    let pitch = pitch
    forEachRow { pixel, number in (patches + number * pitch).update(from: image + pixel * Image.parts, count: pitch) }
  }

  private func add<S: Scalar>(_ patches: UnsafePointer<S>, _ image: UnsafeMutablePointer<S>) {
    image.update(repeating: 0, count: height * width * Image.parts)
    let (add, pitch) = (S.add, pitch)
    forEachRow { pixel, number in
      let target = image + pixel * Image.parts
      add(target, patches + number * pitch, target, pitch)
    }
  }

  /// Rows of patches, patch by patch, as the pixel each begins at and its number.
  private func forEachRow(_ body: (_ pixel: Int, _ number: Int) -> Void) {
    for (k, place) in places.enumerated() { for i in 0..<side { body(Int(place) + i * width, k * side + i) } }
  }

  private func mapped(
    _ x: Image, to shape: [Int], single: @Sendable (UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void,
    double: @Sendable (UnsafePointer<Double>, UnsafeMutablePointer<Double>) -> Void
  ) -> Image {
    let inner = Image.parts == 1 ? [] : [Image.parts]
    let (from, to) = (Array(x.shape.suffix(2) + inner), shape + inner)
    let numbers = x.numbers.mapped(from: from, to: to) {
      forEachArray($2, $0, $1, from, to, single)
    } double: {
      forEachArray($2, $0, $1, from, to, double)
    }
    return Image(numbers: numbers, shape: x.shape.dropLast(2) + shape)
  }

  /// How many patches hold each pixel, EᵀE.
  public var multiplicity: [Double] {
    var counts = [Double](repeating: 0, count: height * width)
    forEachRow { pixel, _ in for j in 0..<side { counts[pixel + j] += 1 } }
    return counts
  }
  public var lipschitz: Double { multiplicity.max()! }
  public func solveNormalEquations(_ b: Image, penalty: Double) -> Image {
    b.isShapelessZero ? b : b.multiplied(by: multiplicity.map { 1 / ($0 + penalty) })
  }
  public var solvesDirectly: Bool { true }
}

/// The weighted mean of overlapping patches, pixel by pixel, (EᵀW E)⁻¹ EᵀW; 0 where there is none. `[…, count, side²]` to
/// `[…, height, width]`, the left inverse of ``PatchExtraction`` where every pixel is in a patch.
public struct PatchAverage<Image: ImageSpace>: LinearOperator {
  public let extraction: PatchExtraction<Image>
  /// W, by patch and pixel.
  public let weights: [Double]
  /// (EᵀW E)⁻¹.
  private let scale: [Double]

  /// - Parameters: `window`, how the pixels of a patch count, all alike unless given; `weights`, how the patches count.
  public init(_ extraction: PatchExtraction<Image>, window: PatchWindow? = nil, weights: [Double]? = nil) {
    let (count, size) = (extraction.places.count, extraction.side * extraction.side)
    precondition(
      (window?.side ?? extraction.side) == extraction.side && (weights?.count ?? count) == count, "weights of other patches")
    self.extraction = extraction
    self.weights = (0..<count * size).map { (weights?[$0 / size] ?? 1) * (window?.weights[$0 % size] ?? 1) }
    let ones = PatchExtraction<Tensor>(
      height: extraction.height, width: extraction.width, side: extraction.side, places: extraction.places)
    scale = ones.adjoint(Tensor(self.weights, shape: ones.codomainShape)).doubles.map { $0 == 0 ? 0 : 1 / $0 }
  }

  public var domainShape: [Int] { extraction.codomainShape }
  public var codomainShape: [Int] { extraction.domainShape }
  public func forward(_ patches: Image) -> Image {
    patches.isShapelessZero ? patches : extraction.adjoint(patches.multiplied(by: weights)).multiplied(by: scale)
  }
  public func adjoint(_ x: Image) -> Image {
    x.isShapelessZero ? x : extraction.forward(x.multiplied(by: scale)).multiplied(by: weights)
  }
  /// The largest Σ w² / (Σ w)² over the patches of a pixel: A Aᵀ is diagonal.
  public var lipschitz: Double {
    let squares = PatchExtraction<Tensor>(
      height: extraction.height, width: extraction.width, side: extraction.side, places: extraction.places
    ).adjoint(Tensor(weights.map { $0 * $0 }, shape: extraction.codomainShape)).doubles
    return zip(squares, scale).map { $0 * $1 * $1 }.max()!
  }
}

/// `body` on arrays of a shape to arrays of another, one by one, spread over the threads.
func forEachArray<S>(
  _ count: Int, _ x: UnsafePointer<S>, _ out: UnsafeMutablePointer<S>, _ from: [Int], _ to: [Int],
  _ body: @Sendable (UnsafePointer<S>, UnsafeMutablePointer<S>) -> Void
) {
  let (source, target) = (Shared(x), SharedMutable(out))
  let (size, outSize) = (from.reduce(1, *), to.reduce(1, *))
  Parallel.forEach(count) { body(source.pointer + $0 * size, target.pointer + $0 * outSize) }
}

extension ImageSpace {
  /// Every sample times one array of factors, as many as it has pixels.
  func multiplied(by factors: [Double]) -> Self {
    let (parts, size) = (Self.parts, factors.count * Self.parts)
    let x = numbers
    func product<S: Scalar>(_ v: [S]) -> [S] {
      let factors = (0..<size).map { S(factors[$0 / parts]) }
      return [S](unsafeUninitializedCapacity: v.count) { out, filled in
        for i in 0..<(size == 0 ? 0 : v.count / size) {
          v.withUnsafeBufferPointer { S.multiply($0.baseAddress! + i * size, factors, out.baseAddress! + i * size, size) }
        }
        filled = v.count
      }
    }
    let product = x.precision == .single ? Tensor(product(x.floats)) : Tensor(product(x.doubles))
    return Self(numbers: product, shape: shape)
  }
}
