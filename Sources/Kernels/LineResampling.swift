// SPDX-License-Identifier: Apache-2.0
import CKernels

/// Sums over the lines of an image, resampled at even steps: what projectors of parallel beams and back-projections are made of.
///
/// A view is `elements` numbers. It runs over the image's rows, or over its columns, and one linear interpolation at even steps joins a
/// line of the image and the view. `forward` goes from images `[height, width]` to views `[views, elements]`, `adjoint` is its transpose.
/// Images in turn, views and lines of one image spread over threads; sums are in a fixed order.
public struct LineResampling: Sendable {
  /// Which of the two is interpolated between.
  public enum Positions: Sendable {
    /// Position (start + i shift + e step) on image line i is that of element e: forward interpolates in the image.
    case ofElements
    /// Position (start + i shift + k step) on the view is that of pixel k of image line i: adjoint interpolates in the view.
    case ofPixels
  }

  public struct View: Sendable {
    /// Lines are the image's rows, from left to right; else its columns, from top to bottom.
    public var alongRows: Bool
    public var start: Double
    public var shift: Double
    public var step: Double
    public var weight: Double

    public init(alongRows: Bool, start: Double, shift: Double, step: Double, weight: Double) {
      precondition(step != 0 && step.isFinite && (start + shift).isFinite, "LineResampling: a view with steps of \(step)")
      self.alongRows = alongRows
      self.start = start
      self.shift = shift
      self.step = step
      self.weight = weight
    }
  }

  public let height: Int
  public let width: Int
  public let elements: Int
  public let views: [View]
  public let positions: Positions

  public init(height: Int, width: Int, elements: Int, views: [View], positions: Positions) {
    precondition(height > 0 && width > 0 && elements > 0, "LineResampling: \(elements) elements for \(height) × \(width) pixels")
    self.height = height
    self.width = width
    self.elements = elements
    self.views = views
    self.positions = positions
  }

  private static let padding = Int(CK_LINE_PADDING)
  /// Lines of an image that make a piece of work.
  private static let band = 16
  private func lineCount(_ alongRows: Bool) -> Int { alongRows ? height : width }
  private func lineLength(_ alongRows: Bool) -> Int { alongRows ? width : height }

  /// Views of `batch` images.
  public func forward<S: Scalar>(_ images: UnsafePointer<S>, into out: UnsafeMutablePointer<S>, batch: Int) {
    let padding = Self.padding
    for image in 0..<batch {
      let x = images + image * height * width
      let lines = [true, false].map { alongRows -> [S] in
        views.contains { $0.alongRows == alongRows } ? paddedLines(x, alongRows) : []
      }
      let target = SharedMutable(out + image * views.count * elements)
      Parallel.forEach(views.count) { v in
        let view = views[v]
        let row = target.pointer + v * elements
        row.initialize(repeating: 0, count: elements)
        let length = lineLength(view.alongRows)
        lines[view.alongRows ? 0 : 1].withUnsafeBufferPointer { source in
          for i in 0..<lineCount(view.alongRows) {
            let line = source.baseAddress! + i * (length + 2 * padding) + padding
            let start = view.start + Double(i) * view.shift
            switch positions {
            case .ofElements: S.interpolateLine(line, length, row, elements, start, view.step, view.weight)
            case .ofPixels: S.spreadLine(line, length, row, elements, start, view.step, view.weight)
            }
          }
        }
      }
    }
  }

  /// Images of the views of `batch` images: the transpose.
  public func adjoint<S: Scalar>(_ measured: UnsafePointer<S>, into out: UnsafeMutablePointer<S>, batch: Int) {
    let padding = Self.padding
    let stride = elements + 2 * padding
    var rows = [S](repeating: 0, count: views.count * stride)
    var columns = [S](repeating: 0, count: views.contains { !$0.alongRows } ? height * width : 0)
    let bands = [true, false].map { (lineCount($0) + Self.band - 1) / Self.band }
    for image in 0..<batch {
      for v in views.indices {
        let source = UnsafeBufferPointer(start: measured + (image * views.count + v) * elements, count: elements)
        rows.withUnsafeMutableBufferPointer { _ = $0[(v * stride + padding)...].update(fromContentsOf: source) }
      }
      let x = SharedMutable(out + image * height * width)
      columns.withUnsafeMutableBufferPointer { columns in
        let turned = SharedMutable(columns.baseAddress ?? x.pointer)
        rows.withUnsafeBufferPointer { rows in
          let rows = Shared(rows.baseAddress!)
          Parallel.forEach(bands[0] + (columns.isEmpty ? 0 : bands[1])) { piece in
            let alongRows = piece < bands[0]
            let first = (alongRows ? piece : piece - bands[0]) * Self.band
            let length = lineLength(alongRows)
            let image = alongRows ? x : turned
            for i in first..<min(first + Self.band, lineCount(alongRows)) {
              let line = image.pointer + i * length
              line.initialize(repeating: 0, count: length)
              for (v, view) in views.enumerated() where view.alongRows == alongRows {
                let (row, start) = (rows.pointer + v * stride + padding, view.start + Double(i) * view.shift)
                switch positions {
                case .ofElements: S.spreadLine(row, elements, line, length, start, view.step, view.weight)
                case .ofPixels: S.interpolateLine(row, elements, line, length, start, view.step, view.weight)
                }
              }
            }
          }
        }
        if !columns.isEmpty { addTransposed(Shared(UnsafePointer(columns.baseAddress!)), to: x) }
      }
    }
  }

  /// The lines of an image, each with zeros before and after.
  private func paddedLines<S: Scalar>(_ x: UnsafePointer<S>, _ alongRows: Bool) -> [S] {
    let (count, length, padding) = (lineCount(alongRows), lineLength(alongRows), Self.padding)
    var lines = [S](repeating: 0, count: count * (length + 2 * padding))
    lines.withUnsafeMutableBufferPointer { lines in
      let (target, x) = (SharedMutable(lines.baseAddress!), Shared(x))
      Parallel.forEach((count + Self.band - 1) / Self.band) { piece in
        let range = piece * Self.band..<min((piece + 1) * Self.band, count)
        if alongRows {
          for i in range {
            (target.pointer + i * (length + 2 * padding) + padding).update(from: x.pointer + i * length, count: length)
          }
        } else {
          for k in 0..<length {
            for i in range { target.pointer[i * (length + 2 * padding) + padding + k] = x.pointer[k * count + i] }
          }
        }
      }
    }
    return lines
  }

  /// x[k, i] += columns[i, k].
  private func addTransposed<S: Scalar>(_ columns: Shared<S>, to x: SharedMutable<S>) {
    let side = 32
    Parallel.forEach((height + side - 1) / side) { piece in
      let rows = piece * side..<min((piece + 1) * side, height)
      for first in stride(from: 0, to: width, by: side) {
        for k in rows {
          for i in first..<min(first + side, width) { x.pointer[k * width + i] += columns.pointer[i * height + k] }
        }
      }
    }
  }
}

extension Reference {
  /// ``LineResampling/forward(_:into:batch:)`` of one image by its definition: every pair of a pixel and an element.
  public static func forward<S: Scalar>(_ shape: LineResampling, _ image: UnsafePointer<S>, into out: UnsafeMutablePointer<S>) {
    for (v, view) in shape.views.enumerated() {
      for e in 0..<shape.elements {
        var sum = 0.0
        for row in 0..<shape.height {
          for column in 0..<shape.width {
            let (i, k) = view.alongRows ? (row, column) : (column, row)
            let start = view.start + Double(i) * view.shift
            let distance =
              shape.positions == .ofElements ? start + Double(e) * view.step - Double(k) : start + Double(k) * view.step - Double(e)
            if abs(distance) < 1 { sum += (1 - abs(distance)) * Double(image[row * shape.width + column]) }
          }
        }
        out[v * shape.elements + e] = S(view.weight * sum)
      }
    }
  }
}
