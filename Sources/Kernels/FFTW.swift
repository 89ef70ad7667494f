// SPDX-License-Identifier: Apache-2.0
#if FFTW
  import CFFTW
  import Platform

  /// The unscaled transforms by FFTW. Plans are estimated, not timed: the same arithmetic in every run.
  ///
  /// FFTW has vector instructions for aligned numbers alone, and is at its best with a few lines that follow one another, so arrays of two
  /// axes or more are transformed axis by axis, eight lines at a time in aligned scratch. A line's transform depends neither on the lines
  /// beside it nor on where it lay.
  enum FFTW {
    static let together = 8

    // MARK: Complex arrays

    /// `batch` arrays of `shape` in place, times `factor`.
    static func transform<S: FFTWNumber>(
      _ x: UnsafeMutablePointer<S>, batch: Int, shape: [Int], inverse: Bool, times factor: S
    ) {
      let axes = shape.indices.filter { shape[$0] > 1 }
      let count = shape.reduce(1, *)
      if axes.count == 1 {
        let plan = plan(S.self, .lines(1), shape[axes[0]], inverse: inverse)
        onAligned(x, count: 2 * count, batch: batch) { plan.run($0, $0) }
        S.scale(factor, x, x, 2 * count * batch)
        return
      }
      let plans = axes.map { plan(S.self, .lines(together), shape[$0], inverse: inverse) }
      nonisolated(unsafe) let x = x
      Parallel.forEach(batch) { b in
        for (axis, plan) in zip(axes, plans).reversed() {
          let (array, length, stride) = (x + 2 * b * count, shape[axis], shape[(axis + 1)...].reduce(1, *))
          if stride == 1 {
            alongRows(array, plan, length: length, count: count / length, times: nil)
          } else {
            let blocks = count / (length * stride)
            alongColumns(array, plan, length: length, stride: stride, blocks: blocks, times: axis == axes[0] ? factor : nil)
          }
        }
      }
    }

    /// `count` lines of `length` one after another, in place.
    static func lines<S: FFTWNumber>(_ x: UnsafeMutablePointer<S>, count: Int, length: Int, inverse: Bool, times factor: S) {
      alongRows(x, plan(S.self, .lines(together), length, inverse: inverse), length: length, count: count, times: factor)
    }

    private static func alongRows<S: FFTWNumber>(
      _ x: UnsafeMutablePointer<S>, _ plan: Plan<S>, length: Int, count: Int, times factor: S?
    ) {
      eachEight(plan, from: x, 2 * length, to: x, 2 * length, rows: count)
      if let factor { S.scale(factor, x, x, 2 * count * length) }
    }

    /// Lines whose numbers lie `stride` apart: `stride` beside each other in each of `blocks` blocks.
    private static func alongColumns<S: FFTWNumber>(
      _ x: UnsafeMutablePointer<S>, _ plan: Plan<S>, length: Int, stride: Int, blocks: Int, times factor: S?
    ) {
      withAlignedScratch(S.self, count: 2 * together * length) { scratch in
        for block in 0..<blocks {
          for first in Swift.stride(from: 0, to: stride, by: together) {
            let (count, columns) = (min(together, stride - first), x + 2 * (block * length * stride + first))
            let whole = 2 * count * length
            (scratch + whole).update(repeating: 0, count: 2 * together * length - whole)
            take(columns, into: scratch, count: count, length: length, stride: stride)
            plan.run(scratch, scratch)
            if let factor { S.scale(factor, scratch, scratch, whole) }
            put(scratch, into: columns, count: count, length: length, stride: stride)
          }
        }
      }
    }

    /// From rows to rows, of `read` and of `written` numbers, eight at a time: in place where they lie aligned, else by way of scratch.
    private static func eachEight<S: FFTWNumber>(
      _ plan: Plan<S>, from x: UnsafeMutablePointer<S>, _ read: Int, to y: UnsafeMutablePointer<S>, _ written: Int, rows: Int
    ) {
      let size = (together * max(read, written) + 15) / 16 * 16
      withAlignedScratch(S.self, count: 2 * size) { scratch in
        for first in stride(from: 0, to: rows, by: together) {
          let (count, source, target) = (min(together, rows - first), x + first * read, y + first * written)
          var (from, to) = (source, target)
          if count < together || !isAligned(source) || !isAligned(target) {
            (from, to) = (scratch, source == target ? scratch : scratch + size)
            from.update(from: source, count: count * read)
            (from + count * read).update(repeating: 0, count: (together - count) * read)
          }
          plan.run(from, to)
          if to != target { target.update(from: to, count: count * written) }
        }
      }
    }

    private static func take<S: FFTWNumber>(
      _ columns: UnsafeMutablePointer<S>, into lines: UnsafeMutablePointer<S>, count: Int, length: Int, stride: Int
    ) {
      let (from, to) = (complexNumbers(columns), complexNumbers(lines))
      for i in 0..<length {
        for j in 0..<count { to[j * length + i] = from[i * stride + j] }
      }
    }

    private static func put<S: FFTWNumber>(
      _ lines: UnsafeMutablePointer<S>, into columns: UnsafeMutablePointer<S>, count: Int, length: Int, stride: Int
    ) {
      let (from, to) = (complexNumbers(lines), complexNumbers(columns))
      for i in 0..<length {
        for j in 0..<count { to[i * stride + j] = from[j * length + i] }
      }
    }

    private static func complexNumbers<S>(_ x: UnsafeMutablePointer<S>) -> UnsafeMutablePointer<(S, S)> {
      UnsafeMutableRawPointer(x).assumingMemoryBound(to: (S, S).self)
    }

    // MARK: Planes of real numbers and the half of their transform

    /// The half of a plane's transform; the plane stays.
    static func forward<S: FFTWNumber>(_ x: UnsafeMutablePointer<S>, height: Int, width: Int, into half: UnsafeMutablePointer<S>) {
      let columns = width / 2 + 1
      let rows = plan(S.self, .realForward, width, inverse: false)
      eachEight(rows, from: x, width, to: half, 2 * columns, rows: height)
      alongHalf(half, height: height, columns: columns, inverse: false)
    }

    /// The plane; the half is used up.
    static func backward<S: FFTWNumber>(_ half: UnsafeMutablePointer<S>, height: Int, width: Int, into x: UnsafeMutablePointer<S>) {
      let columns = width / 2 + 1
      alongHalf(half, height: height, columns: columns, inverse: true)
      let rows = plan(S.self, .realBackward, width, inverse: true)
      eachEight(rows, from: half, 2 * columns, to: x, width, rows: height)
    }

    private static func alongHalf<S: FFTWNumber>(_ half: UnsafeMutablePointer<S>, height: Int, columns: Int, inverse: Bool) {
      guard height > 1 else { return }
      let plan = plan(S.self, .lines(together), height, inverse: inverse)
      alongColumns(half, plan, length: height, stride: columns, blocks: 1, times: nil)
    }

    // MARK: Plans

    enum Kind: Hashable {
      /// As many lines of complex numbers, in place.
      case lines(Int)
      /// Eight lines of real numbers and the halves of their transforms.
      case realForward, realBackward
    }

    private struct Key: Hashable, Sendable {
      let kind: Kind
      let length: Int
      let inverse: Bool
      let isSingle: Bool
    }

    /// FFTW's planner, its destructor included, serves one thread at a time.
    private static let planner = Lock()
    private static let singlePlans = PlanCache<Key, Plan<Float>>()
    private static let doublePlans = PlanCache<Key, Plan<Double>>()

    /// A plan for numbers aligned as ``isAligned(_:)`` says; running it is safe on many threads at once.
    final class Plan<S: FFTWNumber>: @unchecked Sendable {
      private let plan: OpaquePointer
      private let kind: Kind
      fileprivate init(_ kind: Kind, length: Int, inverse: Bool) {
        self.kind = kind
        let plan = withAlignedScratch(S.self, count: 4 * FFTW.together * (length + 8)) { scratch in
          FFTW.planner.withLock { S.plan(kind, Int32(length), inverse: inverse, scratch) }
        }
        precondition(plan != nil, "FFTW has no plan for lines of \(length)")
        self.plan = plan!
      }
      deinit { FFTW.planner.withLock { S.destroy(plan) } }

      fileprivate func run(_ x: UnsafeMutablePointer<S>, _ y: UnsafeMutablePointer<S>) { S.run(plan, kind, x, y) }
    }

    private static func plan<S: FFTWNumber>(_: S.Type, _ kind: Kind, _ length: Int, inverse: Bool) -> Plan<S> {
      let key = Key(kind: kind, length: length, inverse: inverse, isSingle: S.self == Float.self)
      let plan: AnyObject =
        key.isSingle
        ? singlePlans.plan(key) { Plan(kind, length: length, inverse: inverse) }
        : doublePlans.plan(key) { Plan(kind, length: length, inverse: inverse) }
      return plan as! Plan<S>
    }

    // MARK: Alignment

    /// What FFTW's vector instructions ask for.
    private static func isAligned<S>(_ x: UnsafeMutablePointer<S>) -> Bool { UInt(bitPattern: x) % 16 == 0 }

    /// Every one of `batch` arrays in place, by way of aligned scratch where it is not: the same arithmetic.
    private static func onAligned<S: FFTWNumber>(
      _ x: UnsafeMutablePointer<S>, count: Int, batch: Int, _ run: (UnsafeMutablePointer<S>) -> Void
    ) {
      for b in 0..<batch {
        let array = x + b * count
        if isAligned(array) {
          run(array)
        } else {
          withAlignedScratch(S.self, count: count) { scratch in
            scratch.update(from: array, count: count)
            run(scratch)
            array.update(from: scratch, count: count)
          }
        }
      }
    }
  }

  /// FFTW's functions for one precision; plans read x and write y.
  protocol FFTWNumber: Scalar {
    static func plan(_ kind: FFTW.Kind, _ length: Int32, inverse: Bool, _ scratch: UnsafeMutablePointer<Self>) -> OpaquePointer?
    static func run(_ plan: OpaquePointer, _ kind: FFTW.Kind, _ x: UnsafeMutablePointer<Self>, _ y: UnsafeMutablePointer<Self>)
    static func destroy(_ plan: OpaquePointer)
  }

  private let estimated = UInt32(FFTW_ESTIMATE)

  extension Float: FFTWNumber {
    static func plan(_ kind: FFTW.Kind, _ length: Int32, inverse: Bool, _ scratch: UnsafeMutablePointer<Float>) -> OpaquePointer? {
      let (numbers, half, together) = (complex(scratch), length / 2 + 1, Int32(FFTW.together))
      let other = complex(scratch + FFTW.together * (Int(length) + 15) / 16 * 16)
      return switch kind {
      case .lines(let count):
        fftwf_plan_many_dft(
          1, [length], Int32(count), numbers, nil, 1, length, numbers, nil, 1, length, inverse ? FFTW_BACKWARD : FFTW_FORWARD,
          estimated)
      case .realForward:
        fftwf_plan_many_dft_r2c(1, [length], together, scratch, nil, 1, length, other, nil, 1, half, estimated)
      case .realBackward:
        fftwf_plan_many_dft_c2r(1, [length], together, other, nil, 1, half, scratch, nil, 1, length, estimated)
      }
    }

    static func run(_ plan: OpaquePointer, _ kind: FFTW.Kind, _ x: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
      switch kind {
      case .lines: fftwf_execute_dft(plan, complex(x), complex(y))
      case .realForward: fftwf_execute_dft_r2c(plan, x, complex(y))
      case .realBackward: fftwf_execute_dft_c2r(plan, complex(x), y)
      }
    }

    static func destroy(_ plan: OpaquePointer) { fftwf_destroy_plan(plan) }

    private static func complex(_ x: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<fftwf_complex> {
      UnsafeMutableRawPointer(x).assumingMemoryBound(to: fftwf_complex.self)
    }
  }

  extension Double: FFTWNumber {
    static func plan(_ kind: FFTW.Kind, _ length: Int32, inverse: Bool, _ scratch: UnsafeMutablePointer<Double>) -> OpaquePointer? {
      let (numbers, half, together) = (complex(scratch), length / 2 + 1, Int32(FFTW.together))
      let other = complex(scratch + FFTW.together * (Int(length) + 15) / 16 * 16)
      return switch kind {
      case .lines(let count):
        fftw_plan_many_dft(
          1, [length], Int32(count), numbers, nil, 1, length, numbers, nil, 1, length, inverse ? FFTW_BACKWARD : FFTW_FORWARD,
          estimated)
      case .realForward:
        fftw_plan_many_dft_r2c(1, [length], together, scratch, nil, 1, length, other, nil, 1, half, estimated)
      case .realBackward:
        fftw_plan_many_dft_c2r(1, [length], together, other, nil, 1, half, scratch, nil, 1, length, estimated)
      }
    }

    static func run(_ plan: OpaquePointer, _ kind: FFTW.Kind, _ x: UnsafeMutablePointer<Double>, _ y: UnsafeMutablePointer<Double>)
    {
      switch kind {
      case .lines: fftw_execute_dft(plan, complex(x), complex(y))
      case .realForward: fftw_execute_dft_r2c(plan, x, complex(y))
      case .realBackward: fftw_execute_dft_c2r(plan, complex(x), y)
      }
    }

    static func destroy(_ plan: OpaquePointer) { fftw_destroy_plan(plan) }

    private static func complex(_ x: UnsafeMutablePointer<Double>) -> UnsafeMutablePointer<fftw_complex> {
      UnsafeMutableRawPointer(x).assumingMemoryBound(to: fftw_complex.self)
    }
  }
#endif
