// SPDX-License-Identifier: Apache-2.0

/// Extents of a two-dimensional convolution layer of stride 1 with zero padding on all sides.
public struct ConvolutionShape: Hashable, Sendable {
  public var inputChannels: Int
  public var outputChannels: Int
  /// Of the input maps.
  public var height: Int
  public var width: Int
  public var kernelHeight: Int
  public var kernelWidth: Int
  /// Rows of zeros above and below.
  public var paddingHeight: Int
  /// Columns of zeros left and right.
  public var paddingWidth: Int

  /// Stops when the kernel's extents are not odd or the padded input is smaller than the kernel.
  ///
  /// - Parameter padding: zeros (rows above and below, columns left and right); as many as keep the size unless given.
  public init(
    inputChannels: Int, outputChannels: Int, height: Int, width: Int, kernelHeight: Int, kernelWidth: Int,
    padding: (height: Int, width: Int)? = nil
  ) {
    precondition(
      kernelHeight > 0 && kernelWidth > 0 && kernelHeight % 2 == 1 && kernelWidth % 2 == 1,
      "convolution: a kernel of \(kernelHeight) × \(kernelWidth); both must be odd")
    let padding = padding ?? (kernelHeight / 2, kernelWidth / 2)
    precondition(padding.height >= 0 && padding.width >= 0, "convolution: padding \(padding) is negative")
    precondition(
      height == 0 || width == 0 || (height + 2 * padding.height >= kernelHeight && width + 2 * padding.width >= kernelWidth),
      "convolution: maps of \(height) × \(width) with padding \(padding) are smaller than \(kernelHeight) × \(kernelWidth)"
    )
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.height = height
    self.width = width
    self.kernelHeight = kernelHeight
    self.kernelWidth = kernelWidth
    paddingHeight = padding.height
    paddingWidth = padding.width
  }

  public var outputHeight: Int { max(0, height + 2 * paddingHeight - kernelHeight + 1) }
  public var outputWidth: Int { max(0, width + 2 * paddingWidth - kernelWidth + 1) }
  /// Numbers in one sample of the input, one of the output, and in the weights.
  public var inputCount: Int { inputChannels * height * width }
  public var outputCount: Int { outputChannels * outputHeight * outputWidth }
  public var weightCount: Int { outputChannels * inputChannels * kernelHeight * kernelWidth }

  var isEmpty: Bool { inputCount == 0 || outputCount == 0 }
}

/// The three products of a convolution layer.
public enum ConvolutionDirection: String, Sendable, CaseIterable {
  case forward
  case backwardData
  case backwardWeights
}

/// The convolution of deep learning (a cross-correlation) and its two adjoints, on `batch` samples `[channel, height, width]`,
/// weights `[out, in, kernelHeight, kernelWidth]`:
///
/// y[o, i, j] = bias[o] + Σ_c,k,l w[o, c, k, l] x[c, i + k − paddingHeight, j + l − paddingWidth], x zero outside.
///
/// Single precision runs on oneDNN where it has a fast kernel, everything else on a matrix product of patches. One thread; results
/// of a sample do not depend on the rest of the batch.
public enum Convolution {
  /// Who computes it.
  public enum Implementation: String, Sendable, CaseIterable {
    /// oneDNN, in single precision and for extents it has a fast kernel for.
    case oneDNN
    /// A matrix product with the patches of the input, for everything.
    case patches
  }

  /// y from x; `bias` has one number for each output channel.
  public static func forward<S: Scalar>(
    _ shape: ConvolutionShape, batch: Int, _ x: UnsafePointer<S>, _ w: UnsafePointer<S>, bias: UnsafePointer<S>?,
    into y: UnsafeMutablePointer<S>, by implementation: Implementation? = nil
  ) {
    // Both branches call code of one precision, which the compiler can specialise.
    if let x = single(x), let w = single(w), let y = single(y) {
      let bias = bias.flatMap { single($0) }
      if implementation != .patches, let pool = OneDNNConvolution.pool(shape, .forward, bias: bias != nil) {
        pool.use { $0.forward(batch: batch, x, w, bias: bias, into: y) }
      } else {
        PatchConvolution.forward(shape, batch: batch, x, w, bias: bias, into: y)
      }
    } else {
      PatchConvolution.forward(shape, batch: batch, double(x), double(w), bias: bias.map { double($0) }, into: double(y))
    }
  }

  /// The adjoint in x: dx[c, i, j] = Σ_o,k,l w[o, c, k, l] v[o, i − k + paddingHeight, j − l + paddingWidth].
  public static func backwardData<S: Scalar>(
    _ shape: ConvolutionShape, batch: Int, _ v: UnsafePointer<S>, _ w: UnsafePointer<S>, into dx: UnsafeMutablePointer<S>,
    by implementation: Implementation? = nil
  ) {
    if let v = single(v), let w = single(w), let dx = single(dx) {
      if implementation != .patches, let pool = OneDNNConvolution.pool(shape, .backwardData, bias: false) {
        pool.use { $0.backwardData(batch: batch, v, w, into: dx) }
      } else {
        PatchConvolution.backwardData(shape, batch: batch, v, w, into: dx)
      }
    } else {
      PatchConvolution.backwardData(shape, batch: batch, double(v), double(w), into: double(dx))
    }
  }

  /// The adjoint in w, summed over the batch:
  /// dw[o, c, k, l] = Σ_b,i,j v[o, i, j] x[c, i + k − paddingHeight, j + l − paddingWidth].
  public static func backwardWeights<S: Scalar>(
    _ shape: ConvolutionShape, batch: Int, _ x: UnsafePointer<S>, _ v: UnsafePointer<S>, into dw: UnsafeMutablePointer<S>,
    by implementation: Implementation? = nil
  ) {
    if let x = single(x), let v = single(v), let dw = single(dw) {
      if implementation != .patches, let pool = OneDNNConvolution.pool(shape, .backwardWeights, bias: false) {
        pool.use { $0.backwardWeights(batch: batch, x, v, into: dw) }
      } else {
        PatchConvolution.backwardWeights(shape, batch: batch, x, v, into: dw)
      }
    } else {
      PatchConvolution.backwardWeights(shape, batch: batch, double(x), double(v), into: double(dw))
    }
  }

  /// The adjoint in the bias: db[o] = Σ_b,i,j v[o, i, j].
  public static func backwardBias<S: Scalar>(
    _ shape: ConvolutionShape, batch: Int, _ v: UnsafePointer<S>, into db: UnsafeMutablePointer<S>
  ) {
    let plane = shape.outputHeight * shape.outputWidth
    let ones = [S](repeating: 1, count: plane)
    for o in 0..<shape.outputChannels {
      var total = 0.0
      for b in 0..<batch { total += S.dot(v + (b * shape.outputChannels + o) * plane, ones, plane) }
      db[o] = S(total)
    }
  }
}

/// Who computes a convolution in single precision: oneDNN's name of its kernel, `patches:gemm` where oneDNN has none that is fast.
/// Never a reference kernel: those are passed over.
public func convolutionImplementation(_ shape: ConvolutionShape, _ direction: ConvolutionDirection = .forward) -> String {
  OneDNNConvolution.pool(shape, direction, bias: false)?.implementation ?? "patches:gemm"
}
