// SPDX-License-Identifier: Apache-2.0

/// Where and how often a run writes its checkpoint. It is also written when the run is stopped and at its end.
public struct CheckpointPolicy: Sendable {
  public var path: String
  /// Steps between checkpoints.
  public var steps: Int?
  /// Seconds between checkpoints.
  public var seconds: Double?
  /// What every checkpoint says of the data and the operator, by setting: who resumes compares it.
  public var sources: [String: String] = [:]
  /// ``Weights/history(file:)`` of the weights that the training started from.
  public var before: String?
  /// Seconds that earlier runs of this training took.
  public var secondsBefore = 0.0
  private let begin = ContinuousClock.now

  public init(path: String, steps: Int? = nil, seconds: Double? = 300) {
    self.path = path
    self.steps = steps
    self.seconds = seconds
  }

  /// Seconds of this training until now, counted from when this was made.
  public var secondsSoFar: Double { secondsBefore + (ContinuousClock.now - begin) / .seconds(1) }
}

/// Counts the steps and the time since the last checkpoint.
struct CheckpointSchedule {
  let policy: CheckpointPolicy
  private var steps = 0
  private var written = ContinuousClock.now

  init(_ policy: CheckpointPolicy) { self.policy = policy }

  /// To be asked once a step.
  mutating func isDue() -> Bool {
    steps += 1
    if let limit = policy.steps, steps >= limit { return true }
    if let limit = policy.seconds, ContinuousClock.now - written >= .seconds(limit) { return true }
    return false
  }

  mutating func write(_ checkpoint: Checkpoint) throws {
    var checkpoint = checkpoint
    (checkpoint.sources, checkpoint.before) = (policy.sources, policy.before)
    checkpoint.seconds = policy.secondsSoFar
    try checkpoint.write(to: policy.path)
    steps = 0
    written = .now
  }
}
