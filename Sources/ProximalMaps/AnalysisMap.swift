// SPDX-License-Identifier: Apache-2.0
import Operators
import Platform
import Tensors

/// What the signals of a problem are: extents of one sample as the operator takes them, and how images lie in it.
public struct SignalLayout: Sendable, Hashable {
  /// As the operator takes a sample; samples lie along axes before these.
  public let shape: [Int]
  /// Of the images in a sample: `[channels, h, w]`; a vector is one row.
  public let images: [Int]

  /// - Parameter images: `[n]`, `[h, w]` or `[c, h, w]`, the operator's own shape by default; another where that is flat.
  public init(_ shape: [Int], images: [Int]? = nil) throws {
    let images = images ?? shape
    guard !shape.isEmpty || !images.isEmpty else {
      throw InputError("signals of no shape: expected [n], [h, w] or [c, h, w]; give the shape, since the operator takes any")
    }
    let own = shape.isEmpty ? images : shape
    guard (1...3).contains(images.count), images.allSatisfy({ $0 > 0 }), images.reduce(1, *) == own.reduce(1, *) else {
      throw InputError("signals of shape \(images) for an operator on \(own): expected as many numbers as [n], [h, w] or [c, h, w]")
    }
    self.shape = own
    self.images = Array(repeating: 1, count: 3 - images.count) + images
  }

  public var height: Int { images[1] }
  public var width: Int { images[2] }
  /// Pixels of a sample.
  public var count: Int { shape.reduce(1, *) }
}

/// K of a prior: signals `[…] + shape` to real numbers `[…, numbers]`, those of a group side by side.
public struct AnalysisMap<Signal: ImageSpace>: LinearOperator {
  public enum Kind: Sendable {
    case identity
    /// Numbers of a pixel: across, down; of complex images both parts of each.
    case gradient(Gradient2D)
    case orthonormal(OrthonormalWavelet<Signal>)
    case undecimated(UndecimatedWavelet<Signal>)
  }

  public let kind: Kind
  public let layout: SignalLayout

  public init(_ kind: Kind, on layout: SignalLayout) {
    self.kind = kind
    self.layout = layout
  }

  /// Orthonormal wavelets where both extents can be halved so often, else the undecimated ones, a tight frame of any size.
  /// - Parameter levels: by default 4, or as many as leave the low pass at least as long as the filter less one.
  public static func wavelet(_ filter: WaveletFilter, levels: Int?, on layout: SignalLayout) throws -> AnalysisMap {
    let (h, w) = (layout.height, layout.width)
    let extent = h == 1 ? w : w == 1 ? h : min(h, w)
    var most = 0
    while (filter.length - 1) << (most + 1) <= extent { most += 1 }
    let levels = levels ?? max(min(most, 4), 1)
    guard (1...16).contains(levels), 1 << levels <= extent else {
      throw InputError(
        "\(levels) levels of \(filter.name) on \(h) × \(w): expected 1 to \(max(most, 1)), each halves the image; give fewer, or a larger image"
      )
    }
    if levels <= OrthonormalWavelet<Signal>.deepest(height: h, width: w) {
      return AnalysisMap(.orthonormal(OrthonormalWavelet(height: h, width: w, filter: filter, levels: levels)), on: layout)
    }
    return AnalysisMap(.undecimated(UndecimatedWavelet(height: h, width: w, filter: filter, levels: levels)), on: layout)
  }

  /// Whether KᴴK = 1.
  public var isTight: Bool {
    if case .gradient = kind { return false }
    return true
  }
  /// Whether KKᴴ = 1 too.
  public var isOrthonormal: Bool {
    switch kind {
    case .identity, .orthonormal: true
    default: false
    }
  }

  public var domainShape: [Int] { layout.shape }
  public var codomainShape: [Int] { [width] }
  /// Numbers of a sample.
  public var width: Int {
    switch kind {
    case .identity, .orthonormal: layout.count * Signal.parts
    case .gradient: 2 * layout.count * Signal.parts
    case .undecimated(let W): W.bands * layout.count * Signal.parts
    }
  }
  public var lipschitz: Double {
    if case .gradient(let D) = kind { return D.lipschitz }
    return 1
  }

  public func forward(_ x: Signal) -> Tensor {
    if x.isShapelessZero { return .zero }
    let samples = x.numbers.count / (layout.count * Signal.parts)
    precondition(
      samples * layout.count * Signal.parts == x.numbers.count, "a prior on signals of \(layout.shape), given \(x.shape)")
    let images = Signal(numbers: x.numbers, shape: [samples * layout.images[0], layout.height, layout.width])
    let c: Tensor =
      switch kind {
      case .identity: images.numbers
      case .gradient(let D): OnEachPart<Gradient2D, Signal>(D).forward(images).numbers
      case .orthonormal(let W): W.forward(images).numbers
      case .undecimated(let W): W.forward(images).numbers
      }
    return c.reshaped(leading(x.shape, samples) + [width])
  }

  public func adjoint(_ c: Tensor) -> Signal {
    if c.isShapelessZero { return .zero }
    let count = c.count / width * layout.images[0]
    let plane = [layout.height, layout.width]
    let images: Signal =
      switch kind {
      case .identity: Signal(numbers: c, shape: [count] + plane)
      case .gradient(let D): OnEachPart<Gradient2D, Signal>(D).adjoint(Signal(numbers: c, shape: [count] + plane + [2]))
      case .orthonormal(let W): W.adjoint(Signal(numbers: c, shape: [count] + plane))
      case .undecimated(let W): W.adjoint(Signal(numbers: c, shape: [count, W.bands] + plane))
      }
    return Signal(numbers: images.numbers, shape: c.shape.dropLast() + layout.shape)
  }

  private func leading(_ shape: [Int], _ samples: Int) -> [Int] {
    shape.suffix(layout.shape.count) == layout.shape[...] ? shape.dropLast(layout.shape.count) : [samples]
  }
}

/// [K₁; K₂; …]: several maps of one signal, their numbers one after another along the last axis.
public struct StackedAnalysis<Signal: ImageSpace>: LinearOperator {
  public let maps: [AnalysisMap<Signal>]

  public init(_ maps: [AnalysisMap<Signal>]) {
    precondition(!maps.isEmpty, "a stack of no maps")
    self.maps = maps
  }

  public var domainShape: [Int] { maps[0].domainShape }
  public var codomainShape: [Int] { [maps.reduce(0) { $0 + $1.width }] }
  /// The upper bound Σ ‖Kᵢ‖².
  public var lipschitz: Double { maps.reduce(0) { $0 + $1.lipschitz } }
  /// The number of maps, where every KᵢᴴKᵢ = 1.
  public var tightness: Double? { maps.allSatisfy(\.isTight) ? Double(maps.count) : nil }

  /// Where the numbers of every map lie.
  public var ranges: [Range<Int>] {
    var first = 0
    return maps.map { map in
      defer { first += map.width }
      return first..<first + map.width
    }
  }

  public func forward(_ x: Signal) -> Tensor {
    if x.isShapelessZero { return .zero }
    return maps.dropFirst().reduce(maps[0].forward(x)) { joinedChannels($0, $1.forward(x)) }
  }

  public func adjoint(_ c: Tensor) -> Signal {
    if c.isShapelessZero { return .zero }
    if maps.count == 1 { return maps[0].adjoint(c) }
    return zip(maps, ranges).reduce(Signal.zero) { $0 + $1.0.adjoint(channels(c, $1.1)) }
  }
}
