// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Things that are dear to make and are used again: made one at a time under a lock, kept up to a limit, then all let go.
final class PlanCache<Key: Hashable & Sendable, Plan: Sendable>: Sendable {
  private let plans = Mutex<[Key: Plan]>([:])
  private let limit: Int

  init(limit: Int = 256) { self.limit = limit }

  /// The plan of `key`, made by `make` at the first use. A plan in use elsewhere outlives its place in the cache.
  func plan(_ key: Key, _ make: () -> Plan) -> Plan {
    var dropped: [Key: Plan] = [:]
    let plan = plans.withLock { plans in
      if let plan = plans[key] { return plan }
      if plans.count >= limit { swap(&plans, &dropped) }
      let plan = make()
      plans[key] = plan
      return plan
    }
    withExtendedLifetime(dropped) {}  // freed here, after the lock
    return plan
  }
}
