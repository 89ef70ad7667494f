// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors

/// A: patches of images in groups, each in an orthonormal basis, as ``PatchFrame`` does it. `[…, height, width]` to
/// `[…, patches, side²]`, real or complex; AᴴA multiplies a pixel by the number of patches that hold it.
public struct PatchAnalysis<Image: ImageSpace>: LinearOperator {
  public let frame: PatchFrame
  /// How many patches hold each pixel.
  public let multiplicity: [Double]

  public init(_ frame: PatchFrame) {
    self.frame = frame
    multiplicity =
      PatchExtraction<Tensor>(height: frame.height, width: frame.width, side: frame.side, places: frame.places).multiplicity
  }

  public var domainShape: [Int] { [frame.height, frame.width] }
  public var codomainShape: [Int] { [frame.places.count, frame.side * frame.side] }

  public func forward(_ x: Image) -> Image {
    onPlanes(of: x, from: domainShape, to: codomainShape) { planes, _ in
      planes.mapped(from: domainShape, to: codomainShape) {
        forEachArray($2, $0, $1, domainShape, codomainShape) { frame.analyse($0, into: $1) }
      } double: {
        forEachArray($2, $0, $1, domainShape, codomainShape) { frame.analyse($0, into: $1) }
      }
    }
  }

  public func adjoint(_ y: Image) -> Image {
    onPlanes(of: y, from: codomainShape, to: domainShape) { planes, _ in
      planes.mapped(from: codomainShape, to: domainShape) {
        forEachArray($2, $0, $1, codomainShape, domainShape) { frame.synthesise($0, into: $1) }
      } double: {
        forEachArray($2, $0, $1, codomainShape, domainShape) { frame.synthesise($0, into: $1) }
      }
    }
  }

  public func normal(_ x: Image) -> Image { x.isShapelessZero ? x : x.multiplied(by: multiplicity) }
  public var lipschitz: Double { multiplicity.max()! }
  public func solveNormalEquations(_ b: Image, penalty: Double) -> Image {
    b.isShapelessZero ? b : b.multiplied(by: multiplicity.map { 1 / ($0 + penalty) })
  }
  public var solvesDirectly: Bool { true }

  /// Aᴴ soft(A x, t): coefficients, complex ones by their magnitudes, shortened by t. They are not kept.
  public func shrunk(_ x: Image, threshold t: Double) -> Image {
    onPlanes(of: x, from: domainShape, to: domainShape) { planes, batch in
      func shrink<S: Scalar>(_ source: UnsafePointer<S>, _ target: UnsafeMutablePointer<S>) {
        let size = frame.height * frame.width
        for i in 0..<batch {
          let parts = stride(from: i * size, to: planes.count, by: batch * size)
          frame.shrink(parts.map { source + $0 }, threshold: S(t), into: parts.map { target + $0 })
        }
      }
      return planes.mapped(from: domainShape, to: domainShape) { source, target, _ in
        shrink(source, target)
      } double: { source, target, _ in
        shrink(source, target)
      }
    }
  }

  /// `body` on the planes of arrays, and how many arrays there are.
  private func onPlanes(of x: Image, from: [Int], to: [Int], _ body: (Tensor, _ batch: Int) -> Tensor) -> Image {
    if x.isShapelessZero { return x }
    precondition(x.shape.suffix(2) == from[...], "patches: arrays of shape \(x.shape); expected […] + \(from)")
    let all = planes(x, height: from[0], width: from[1])
    return images(ofPlanes: body(all, all.shape[0] / Image.parts), shape: x.shape.dropLast(2) + to)
  }
}
