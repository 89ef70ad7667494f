// SPDX-License-Identifier: Apache-2.0
#if FFTW
  import CFFTW
  import Platform

  /// The unscaled transform by FFTW. Plans are estimated, not timed: the same arithmetic in every run.
  enum FFTW {
    private struct Key: Hashable, Sendable {
      let shape: [Int]
      let inverse: Bool
    }

    /// FFTW's planner, its destructor included, serves one thread at a time.
    private static let planner = Lock()

    /// A plan for one in-place transform of any alignment; executing it is safe on many threads at once.
    private final class Plan: @unchecked Sendable {
      let plan: OpaquePointer
      private let destroy: (OpaquePointer) -> Void
      init(_ plan: OpaquePointer, destroy: @escaping (OpaquePointer) -> Void) {
        self.plan = plan
        self.destroy = destroy
      }
      deinit { FFTW.planner.withLock { destroy(plan) } }
    }

    private static let singlePlans = PlanCache<Key, Plan>()
    private static let doublePlans = PlanCache<Key, Plan>()
    private static let flags = UInt32(FFTW_ESTIMATE) | UInt32(FFTW_UNALIGNED)

    static func transform(_ x: UnsafeMutablePointer<Float>, batch: Int, shape: [Int], inverse: Bool) {
      let count = shape.reduce(1, *)
      let numbers = UnsafeMutableRawPointer(x).assumingMemoryBound(to: fftwf_complex.self)
      let plan = singlePlans.plan(Key(shape: shape, inverse: inverse)) {
        let extents = shape.map(Int32.init)
        let plan = planner.withLock {
          fftwf_plan_dft(Int32(shape.count), extents, numbers, numbers, inverse ? FFTW_BACKWARD : FFTW_FORWARD, flags)
        }
        precondition(plan != nil, "FFTW has no plan for the shape \(shape)")
        return Plan(plan!, destroy: { fftwf_destroy_plan($0) })
      }
      for b in 0..<batch { fftwf_execute_dft(plan.plan, numbers + b * count, numbers + b * count) }
    }

    static func transform(_ x: UnsafeMutablePointer<Double>, batch: Int, shape: [Int], inverse: Bool) {
      let count = shape.reduce(1, *)
      let numbers = UnsafeMutableRawPointer(x).assumingMemoryBound(to: fftw_complex.self)
      let plan = doublePlans.plan(Key(shape: shape, inverse: inverse)) {
        let extents = shape.map(Int32.init)
        let plan = planner.withLock {
          fftw_plan_dft(Int32(shape.count), extents, numbers, numbers, inverse ? FFTW_BACKWARD : FFTW_FORWARD, flags)
        }
        precondition(plan != nil, "FFTW has no plan for the shape \(shape)")
        return Plan(plan!, destroy: { fftw_destroy_plan($0) })
      }
      for b in 0..<batch { fftw_execute_dft(plan.plan, numbers + b * count, numbers + b * count) }
    }

    // MARK: Planes of real numbers and the half of their transform

    private struct RealKey: Hashable, Sendable {
      let height: Int
      let width: Int
      let inverse: Bool
    }

    private static let singleRealPlans = PlanCache<RealKey, Plan>()
    private static let doubleRealPlans = PlanCache<RealKey, Plan>()

    static func forward(_ x: UnsafeMutablePointer<Float>, height: Int, width: Int, into half: UnsafeMutablePointer<Float>) {
      let numbers = UnsafeMutableRawPointer(half).assumingMemoryBound(to: fftwf_complex.self)
      let plan = singleRealPlans.plan(RealKey(height: height, width: width, inverse: false)) {
        made(
          planner.withLock { fftwf_plan_dft_r2c_2d(Int32(height), Int32(width), x, numbers, flags | UInt32(FFTW_PRESERVE_INPUT)) }
        ) {
          fftwf_destroy_plan($0)
        }
      }
      fftwf_execute_dft_r2c(plan.plan, x, numbers)
    }

    static func forward(_ x: UnsafeMutablePointer<Double>, height: Int, width: Int, into half: UnsafeMutablePointer<Double>) {
      let numbers = UnsafeMutableRawPointer(half).assumingMemoryBound(to: fftw_complex.self)
      let plan = doubleRealPlans.plan(RealKey(height: height, width: width, inverse: false)) {
        made(
          planner.withLock { fftw_plan_dft_r2c_2d(Int32(height), Int32(width), x, numbers, flags | UInt32(FFTW_PRESERVE_INPUT)) }
        ) {
          fftw_destroy_plan($0)
        }
      }
      fftw_execute_dft_r2c(plan.plan, x, numbers)
    }

    static func backward(_ half: UnsafeMutablePointer<Float>, height: Int, width: Int, into x: UnsafeMutablePointer<Float>) {
      let numbers = UnsafeMutableRawPointer(half).assumingMemoryBound(to: fftwf_complex.self)
      let plan = singleRealPlans.plan(RealKey(height: height, width: width, inverse: true)) {
        made(planner.withLock { fftwf_plan_dft_c2r_2d(Int32(height), Int32(width), numbers, x, flags) }) { fftwf_destroy_plan($0) }
      }
      fftwf_execute_dft_c2r(plan.plan, numbers, x)
    }

    static func backward(_ half: UnsafeMutablePointer<Double>, height: Int, width: Int, into x: UnsafeMutablePointer<Double>) {
      let numbers = UnsafeMutableRawPointer(half).assumingMemoryBound(to: fftw_complex.self)
      let plan = doubleRealPlans.plan(RealKey(height: height, width: width, inverse: true)) {
        made(planner.withLock { fftw_plan_dft_c2r_2d(Int32(height), Int32(width), numbers, x, flags) }) { fftw_destroy_plan($0) }
      }
      fftw_execute_dft_c2r(plan.plan, numbers, x)
    }

    private static func made(_ plan: OpaquePointer?, destroy: @escaping (OpaquePointer) -> Void) -> Plan {
      precondition(plan != nil, "FFTW has no plan for real planes")
      return Plan(plan!, destroy: destroy)
    }
  }
#endif
