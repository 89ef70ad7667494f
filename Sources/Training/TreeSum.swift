// SPDX-License-Identifier: Apache-2.0
import Communication
import Kernels
import Platform
import Tensors
import _Differentiation

/// A binary tree over chunks 0 ..< n: the left half of a node has the largest power of two that is less than its size.
struct SumTree: Sendable {
  struct Node: Hashable, Sendable {
    let chunks: Range<Int>

    var halves: (left: Node, right: Node)? {
      guard chunks.count > 1 else { return nil }
      let left = 1 << (Int.bitWidth - 1 - (chunks.count - 1).leadingZeroBitCount)
      let middle = chunks.lowerBound + left
      return (Node(chunks: chunks.lowerBound..<middle), Node(chunks: middle..<chunks.upperBound))
    }
  }

  let count: Int
  let ranks: Int

  var root: Node { Node(chunks: 0..<count) }

  /// The chunks of a rank: as many as of any other, or one less; rank 0 has the first.
  func chunks(of rank: Int) -> Range<Int> {
    (rank * count + ranks - 1) / ranks..<((rank + 1) * count + ranks - 1) / ranks
  }
  /// The rank that has a node's sum: that of its first chunk.
  func owner(of node: Node) -> Int { node.chunks.lowerBound * ranks / count }
  /// Whether one rank has all the chunks of a node.
  func isLocal(_ node: Node) -> Bool { node.chunks.upperBound <= chunks(of: owner(of: node)).upperBound }

  /// The chunks of every rank are a branch, the branches as many as a power of two: neighbours, then neighbours of pairs and so on exchange
  /// their sums, and all have the total.
  var isButterfly: Bool { count.nonzeroBitCount == 1 && ranks.nonzeroBitCount == 1 && count >= ranks }

  /// The parent and the other half, for every node below a local one of a rank.
  func family(of rank: Int) -> [Node: (parent: Node, left: Node, right: Node)] {
    var found: [Node: (parent: Node, left: Node, right: Node)] = [:]
    func visit(_ node: Node) {
      guard let (left, right) = node.halves else { return }
      if isLocal(node), owner(of: node) == rank {
        found[left] = (node, left, right)
        found[right] = (node, left, right)
      }
      visit(left)
      visit(right)
    }
    visit(root)
    return found
  }
}

/// Σᵢ `contribution(i)` over the chunks, over the tree of ``SumTree``: on all cores of all ranks, the same bytes for any number of either.
///
/// A rank computes its own chunks and sends the sums of whole branches; what comes back is the total. Where ``SumTree/isButterfly`` ranks
/// exchange sums, in half the time.
///
/// - Parameter isStopping: whether this rank was asked to stop; afterwards whether any was.
package func parallelSum<Model: Parameterized>(
  of model: Model, over chunks: Chunks, world: any Communicator = Alone(), isStopping: inout Bool,
  contribution: @Sendable (_ chunk: Int) -> LossGradient<Model>
) -> LossGradient<Model> {
  let tree = SumTree(count: chunks.count, ranks: world.count)
  let own = tree.chunks(of: world.rank)
  let branches = BranchSums<Model>(tree.family(of: world.rank))
  if !own.isEmpty { Parallel.forEach(own.count) { i in branches.add(contribution(own.lowerBound + i), at: own.lowerBound + i) } }
  guard world.count > 1 else { return branches.sum(of: tree.root) }

  var message = GradientMessage(model)
  if tree.isButterfly {
    var total = branches.sum(of: SumTree.Node(chunks: own))
    var received = GradientMessage(model)
    for level in 0..<world.count.trailingZeroBitCount {
      message.write(total, isStopping: isStopping)
      message.exchange(into: &received, world, with: world.rank ^ (1 << level))
      isStopping = received.add(to: &total) || isStopping
    }
    return total
  }
  /// The sum of a node, at the rank that has it.
  func sum(_ node: SumTree.Node) -> LossGradient<Model>? {
    if tree.isLocal(node) { return tree.owner(of: node) == world.rank ? branches.sum(of: node) : nil }
    guard let (left, right) = node.halves else { return nil }
    let (first, second) = (sum(left), sum(right))
    let (receiver, sender) = (tree.owner(of: left), tree.owner(of: right))
    if receiver == sender { return first.flatMap { first in second.map { first + $0 } } }
    if let second, sender == world.rank {
      message.write(second, isStopping: isStopping)
      message.bytes.withUnsafeBytes { world.send($0, to: receiver) }
    }
    guard var sum = first, receiver == world.rank else { return nil }
    message.bytes.withUnsafeMutableBytes { world.receive($0, from: sender) }
    isStopping = message.add(to: &sum) || isStopping
    return sum
  }
  let total = sum(tree.root)
  let idle = (1..<world.count).filter { tree.chunks(of: $0).isEmpty }  // who has no sum to send its wish with
  if idle.contains(world.rank) {
    withUnsafeBytes(of: UInt8(isStopping ? 1 : 0)) { world.send($0, to: 0) }
  } else if world.rank == 0 {
    for rank in idle {
      var wish: UInt8 = 0
      withUnsafeMutableBytes(of: &wish) { world.receive($0, from: rank) }
      isStopping = isStopping || wish == 1
    }
  }
  if let total { message.write(total, isStopping: isStopping) }
  message.bytes.withUnsafeMutableBytes { world.broadcast($0) }
  if let total { return total }
  var everywhere = LossGradient<Model>(loss: 0, gradient: .zero)
  isStopping = message.add(to: &everywhere)
  return everywhere
}

extension LossGradient {
  package static func + (a: LossGradient, b: LossGradient) -> LossGradient {
    LossGradient(loss: a.loss + b.loss, gradient: a.gradient + b.gradient)
  }
}

/// Adds two halves of a node when both are there.
private final class BranchSums<Model: Parameterized>: @unchecked Sendable {
  private let lock = Lock()
  private let family: [SumTree.Node: (parent: SumTree.Node, left: SumTree.Node, right: SumTree.Node)]
  private var sums: [SumTree.Node: LossGradient<Model>] = [:]

  init(_ family: [SumTree.Node: (parent: SumTree.Node, left: SumTree.Node, right: SumTree.Node)]) { self.family = family }

  func add(_ contribution: LossGradient<Model>, at chunk: Int) {
    var (node, sum) = (SumTree.Node(chunks: chunk..<chunk + 1), contribution)
    while true {
      // The last of the two to come adds them, outside of the lock.
      let other: LossGradient<Model>? = lock.withLock {
        guard let (_, left, right) = family[node], let other = sums.removeValue(forKey: node == left ? right : left) else {
          sums[node] = sum
          return nil
        }
        return other
      }
      guard let other, let (parent, left, _) = family[node] else { return }
      sum = node == left ? sum + other : other + sum
      node = parent
    }
  }

  /// Taken out: who has it may change it in place.
  func sum(of node: SumTree.Node) -> LossGradient<Model> {
    guard let sum = lock.withLock({ sums.removeValue(forKey: node) }) else {
      preconditionFailure("the sum over chunks \(node.chunks) is not there")
    }
    return sum
  }
}

/// A loss and a gradient as bytes, those of a gradient in the precision of its parameter.
struct GradientMessage<Model: Parameterized> {
  private let model: Model
  /// The loss, whether to stop, and for every parameter whether it has a gradient and then the gradient.
  var bytes: [UInt8]

  init(_ model: Model) {
    self.model = model
    let size = 9 + model.parameters.reduce(0) { $0 + 1 + $1.value.count * Self.width($1.value) }
    bytes = [UInt8](unsafeUninitializedCapacity: size) { $1 = size }  // written before it is read
  }

  private static func width(_ value: Tensor) -> Int { value.precision == .single ? 4 : 8 }

  mutating func write(_ sum: LossGradient<Model>, isStopping: Bool) {
    var (model, gradient, at) = (model, sum.gradient, 9)
    bytes.withUnsafeMutableBytes { bytes in
      bytes.storeBytes(of: sum.loss, as: Double.self)
      bytes[8] = isStopping ? 1 : 0
      model.forEachParameter(&gradient) { name, value, gradient in
        let size = value.count * Self.width(value)
        bytes[at] = gradient.isShapelessZero ? 0 : 1
        let target = UnsafeMutableRawBufferPointer(rebasing: bytes[(at + 1)..<(at + 1 + size)])
        if gradient.isShapelessZero {
          target.initializeMemory(as: UInt8.self, repeating: 0)
        } else {
          precondition(gradient.count == value.count, "a gradient \(gradient.shape) for the parameter \(name), \(value.shape)")
          if value.precision == .single {
            gradient.floats.withUnsafeBytes { target.copyMemory(from: $0) }
          } else {
            gradient.doubles.withUnsafeBytes { target.copyMemory(from: $0) }
          }
        }
        at += 1 + size
      }
    }
  }

  /// Sends these and receives another rank's.
  func exchange(into received: inout GradientMessage, _ world: any Communicator, with rank: Int) {
    bytes.withUnsafeBytes { sent in received.bytes.withUnsafeMutableBytes { world.exchange(sent, into: $0, with: rank) } }
  }

  /// Adds loss and gradient to a sum, in place.
  ///
  /// - Returns: whether to stop.
  func add(to sum: inout LossGradient<Model>) -> Bool {
    var (model, at) = (model, 9)
    return bytes.withUnsafeBytes { bytes in
      sum.loss += bytes.loadUnaligned(as: Double.self)
      model.forEachParameter(&sum.gradient) { _, value, gradient in
        let size = value.count * Self.width(value)
        if bytes[at] == 1 {
          gradient.add(UnsafeRawBufferPointer(rebasing: bytes[(at + 1)..<(at + 1 + size)]), shape: value.shape, value.precision)
        }
        at += 1 + size
      }
      return bytes[8] == 1
    }
  }
}
