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
        return alongRows(x, plan(.lines(1, inverse: inverse), count), length: count, count: batch, times: factor)
      }
      let plans = axes.map { plan(.lines(together, inverse: inverse), shape[$0], of: S.self) }
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
      alongRows(x, plan(.lines(together, inverse: inverse), length), length: length, count: count, times: factor)
    }

    private static func alongRows<S: FFTWNumber>(
      _ x: UnsafeMutablePointer<S>, _ plan: Plan<S>, length: Int, count: Int, times factor: S?
    ) {
      runAlong(plan, from: x, 2 * length, to: x, 2 * length, rows: count)
      if let factor { S.scale(factor, x, x, 2 * count * length) }
    }

    /// Lines whose numbers lie `stride` apart: `stride` beside each other in each of `blocks` blocks.
    private static func alongColumns<S: FFTWNumber>(
      _ x: UnsafeMutablePointer<S>, _ plan: Plan<S>, length: Int, stride: Int, blocks: Int, times factor: S?
    ) {
      let groups = (stride + together - 1) / together
      nonisolated(unsafe) let x = x
      inPieces(blocks * groups, numbers: together * length) { piece in
        withAlignedScratch(S.self, count: 2 * together * length) { scratch in
          for group in piece {
            let (block, first) = (group / groups, group % groups * together)
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

    /// From rows to rows, of `read` and of `written` numbers, as many at a time as the plan takes: in place where they lie aligned, else by
    /// way of scratch.
    private static func runAlong<S: FFTWNumber>(
      _ plan: Plan<S>, from x: UnsafeMutablePointer<S>, _ read: Int, to y: UnsafeMutablePointer<S>, _ written: Int, rows: Int
    ) {
      let together = plan.kind.lines
      nonisolated(unsafe) let (x, y) = (x, y)
      inPieces((rows + together - 1) / together, numbers: together * max(read, written) / 2) { piece in
        for group in piece {
          let first = group * together
          let (count, source, target) = (min(together, rows - first), x + first * read, y + first * written)
          if count == together, isAligned(source), isAligned(target) {
            plan.run(source, target)
            continue
          }
          let size = (together * max(read, written) + 15) / 16 * 16
          withAlignedScratch(S.self, count: 2 * size) { from in
            let to = source == target ? from : from + size
            from.update(from: source, count: count * read)
            (from + count * read).update(repeating: 0, count: (together - count) * read)
            plan.run(from, to)
            target.update(from: to, count: count * written)
          }
        }
      }
    }

    /// `count` groups of lines, of so many complex numbers each, spread over idle threads in pieces of some ten microseconds.
    private static func inPieces(_ count: Int, numbers: Int, _ body: @Sendable (Range<Int>) -> Void) {
      let size = max(1, (1 << 13) / max(1, numbers))
      Parallel.forEach((count + size - 1) / size) { body($0 * size..<min(($0 + 1) * size, count)) }
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

    // MARK: Planes of real numbers and the half of their transform

    /// The half of a plane's transform; the plane stays.
    static func forward<S: FFTWNumber>(_ x: UnsafeMutablePointer<S>, height: Int, width: Int, into half: UnsafeMutablePointer<S>) {
      let columns = width / 2 + 1
      let rows = plan(.realForward, width, of: S.self)
      runAlong(rows, from: x, width, to: half, 2 * columns, rows: height)
      alongHalf(half, height: height, columns: columns, inverse: false)
    }

    /// The plane; the half is used up.
    static func backward<S: FFTWNumber>(_ half: UnsafeMutablePointer<S>, height: Int, width: Int, into x: UnsafeMutablePointer<S>) {
      let columns = width / 2 + 1
      alongHalf(half, height: height, columns: columns, inverse: true)
      let rows = plan(.realBackward, width, of: S.self)
      runAlong(rows, from: half, 2 * columns, to: x, width, rows: height)
    }

    private static func alongHalf<S: FFTWNumber>(_ half: UnsafeMutablePointer<S>, height: Int, columns: Int, inverse: Bool) {
      guard height > 1 else { return }
      alongColumns(
        half, plan(.lines(together, inverse: inverse), height), length: height, stride: columns, blocks: 1, times: nil)
    }

    // MARK: Plans

    enum Kind: Hashable {
      /// As many lines of complex numbers, in place.
      case lines(Int, inverse: Bool)
      /// Eight lines of real numbers and the halves of their transforms.
      case realForward, realBackward

      var lines: Int { if case .lines(let count, _) = self { count } else { together } }
    }

    struct Key: Hashable, Sendable {
      let kind: Kind
      let length: Int
    }

    /// FFTW's planner, its destructor included, serves one thread at a time.
    private static let planner = Lock()

    /// A plan for numbers aligned as ``isAligned(_:)`` says; running it is safe on many threads at once.
    final class Plan<S: FFTWNumber>: @unchecked Sendable {
      private let plan: OpaquePointer
      fileprivate let kind: Kind
      fileprivate init(_ key: Key) {
        kind = key.kind
        let plan = withAlignedScratch(S.self, count: 4 * kind.lines * (key.length + 8)) { scratch in
          FFTW.planner.withLock { S.plan(key.kind, Int32(key.length), scratch) }
        }
        precondition(plan != nil, "FFTW has no plan for lines of \(key.length)")
        self.plan = plan!
      }
      deinit { FFTW.planner.withLock { S.destroy(plan) } }

      fileprivate func run(_ x: UnsafeMutablePointer<S>, _ y: UnsafeMutablePointer<S>) { S.run(plan, kind, x, y) }
    }

    private static func plan<S: FFTWNumber>(_ kind: Kind, _ length: Int, of _: S.Type = S.self) -> Plan<S> {
      let key = Key(kind: kind, length: length)
      return S.plans.plan(key) { Plan(key) }
    }

    // MARK: Alignment

    /// What FFTW's vector instructions ask for.
    private static func isAligned<S>(_ x: UnsafeMutablePointer<S>) -> Bool { UInt(bitPattern: x) % 16 == 0 }
  }

  /// Pairs (re, im), FFTW's complex numbers.
  private func complexNumbers<S>(_ x: UnsafeMutablePointer<S>) -> UnsafeMutablePointer<(S, S)> {
    UnsafeMutableRawPointer(x).assumingMemoryBound(to: (S, S).self)
  }

  /// FFTW's functions for one precision; plans read x and write y.
  protocol FFTWNumber: Scalar {
    static var plans: PlanCache<FFTW.Key, FFTW.Plan<Self>> { get }
    static func plan(_ kind: FFTW.Kind, _ length: Int32, _ scratch: UnsafeMutablePointer<Self>) -> OpaquePointer?
    static func run(_ plan: OpaquePointer, _ kind: FFTW.Kind, _ x: UnsafeMutablePointer<Self>, _ y: UnsafeMutablePointer<Self>)
    static func destroy(_ plan: OpaquePointer)
  }

  private let estimated = UInt32(FFTW_ESTIMATE)

  extension Float: FFTWNumber {
    static let plans = PlanCache<FFTW.Key, FFTW.Plan<Float>>()

    static func plan(_ kind: FFTW.Kind, _ length: Int32, _ scratch: UnsafeMutablePointer<Float>) -> OpaquePointer? {
      let (numbers, half, together) = (complexNumbers(scratch), length / 2 + 1, Int32(FFTW.together))
      let other = complexNumbers(scratch + FFTW.together * (Int(length) + 15) / 16 * 16)
      return switch kind {
      case .lines(let count, let inverse):
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
      case .lines: fftwf_execute_dft(plan, complexNumbers(x), complexNumbers(y))
      case .realForward: fftwf_execute_dft_r2c(plan, x, complexNumbers(y))
      case .realBackward: fftwf_execute_dft_c2r(plan, complexNumbers(x), y)
      }
    }

    static func destroy(_ plan: OpaquePointer) { fftwf_destroy_plan(plan) }
  }

  extension Double: FFTWNumber {
    static let plans = PlanCache<FFTW.Key, FFTW.Plan<Double>>()

    static func plan(_ kind: FFTW.Kind, _ length: Int32, _ scratch: UnsafeMutablePointer<Double>) -> OpaquePointer? {
      let (numbers, half, together) = (complexNumbers(scratch), length / 2 + 1, Int32(FFTW.together))
      let other = complexNumbers(scratch + FFTW.together * (Int(length) + 15) / 16 * 16)
      return switch kind {
      case .lines(let count, let inverse):
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
      case .lines: fftw_execute_dft(plan, complexNumbers(x), complexNumbers(y))
      case .realForward: fftw_execute_dft_r2c(plan, x, complexNumbers(y))
      case .realBackward: fftw_execute_dft_c2r(plan, complexNumbers(x), y)
      }
    }

    static func destroy(_ plan: OpaquePointer) { fftw_destroy_plan(plan) }
  }
#endif
