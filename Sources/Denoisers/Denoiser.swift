// SPDX-License-Identifier: Apache-2.0
import Kernels
import Platform
import Tensors

/// A denoiser D_σ: an estimate of images from what white Gaussian noise of standard deviation σ has made of them.
///
/// The images are `[…, height, width]`, each denoised by itself, in their own precision. σ is on their scale.
public protocol Denoiser: Sendable {
  /// D_σ(images), of their shape and precision; the images themselves where σ = 0. An image that is not finite becomes NaN.
  ///
  /// - Precondition: ``check(_:sigma:)`` accepts the images and σ, but for images that are not finite.
  func denoised(_ images: Tensor, sigma: Double) -> Tensor
  /// Height and width an image has at least.
  var smallestExtent: Int { get }
  /// Refuses images and levels that cannot be denoised.
  ///
  /// - Throws: `InputError` that says what was found and what was expected.
  func check(_ images: Tensor, sigma: Double) throws(InputError)
}

extension Denoiser {
  public var smallestExtent: Int { 1 }

  public func check(_ images: Tensor, sigma: Double) throws(InputError) {
    try checkForm(of: images, sigma: sigma)
    guard images.isFinite else {
      throw InputError("found images with numbers that are NaN or infinite; expected finite ones: see what made them")
    }
  }

  /// ``check(_:sigma:)`` but for numbers that are not finite.
  func checkForm(of images: Tensor, sigma: Double) throws(InputError) {
    guard sigma >= 0, sigma.isFinite else { throw InputError("found the noise level \(sigma); expected a number from 0 on") }
    if images.isShapelessZero { return }
    guard images.shape.count >= 2, images.shape.suffix(2).allSatisfy({ $0 >= smallestExtent }) else {
      let extents = images.shape.suffix(2).map(String.init).joined(separator: " × ")
      throw InputError("found images of \(extents); expected at least \(smallestExtent) × \(smallestExtent) pixels")
    }
    guard images.shape.suffix(2).reduce(1, *) < Int(Int32.max) else {
      throw InputError("found images of \(images.shape.suffix(2).reduce(1, *)) pixels; expected less than 2³¹")
    }
  }

  /// Complex images: the real and the imaginary part apart, σ that of each.
  public func denoised(_ images: ComplexTensor, sigma: Double) -> ComplexTensor {
    if images.isShapelessZero { return images }
    return ComplexTensor(real: denoised(images.real, sigma: sigma), imaginary: denoised(images.imaginary, sigma: sigma))
  }

  /// Stops at what ``check(_:sigma:)`` refuses, but for numbers that are not finite; true where there is nothing to do.
  public func isTrivial(_ images: Tensor, sigma: Double) -> Bool {
    do { try checkForm(of: images, sigma: sigma) } catch { preconditionFailure(error.description) }
    return images.isShapelessZero || sigma == 0 || images.count == 0
  }
}

extension Tensor {
  /// These images, NaN in the place of every one whose original is not finite: its estimate may look finite elsewhere than at what is not.
  public func invalidated(where originals: Tensor) -> Tensor {
    if originals.isFinite { return self }
    let pixels = shape.suffix(2).reduce(1, *)
    let (given, own) = (originals.reshaped([count / pixels, pixels]), reshaped([count / pixels, pixels]))
    return Tensor.stacked(
      (0..<given.shape[0]).map { given.row($0).isFinite ? own.row($0) : own.row($0).map { _ in .nan } }
    ).reshaped(shape)
  }
}

/// Images one by one, spread over the threads.
///
/// - Parameters: `pixels` of an image; `body` is given an image as ``PatchLattice/padded(_:count:)`` makes it, its number and where its result goes;
///   images that are not finite become NaN without it.
func mapImages<S: Scalar>(
  _ values: [S], pixels: Int, _ body: @Sendable (_ image: UnsafePointer<S>, _ number: Int, _ out: UnsafeMutablePointer<S>) -> Void
) -> [S] {
  [S](unsafeUninitializedCapacity: values.count) { out, filled in
    out.initialize(repeating: .nan)
    filled = values.count
    let target = SharedMutable(out.baseAddress!)
    Parallel.forEach(values.count / pixels) { number in
      values.withUnsafeBufferPointer { values in
        let image = values.baseAddress! + number * pixels
        guard UnsafeBufferPointer(start: image, count: pixels).allSatisfy(\.isFinite) else { return }
        PatchLattice.padded(image, count: pixels).withUnsafeBufferPointer {
          body($0.baseAddress!, number, target.pointer + number * pixels)
        }
      }
    }
  }
}
