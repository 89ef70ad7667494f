// SPDX-License-Identifier: Apache-2.0
import Communication
import Platform
import Synchronization
import Testing

/// Work that processes share: what one alone would make of it, its errors too.
struct SharedWorkTests {
  private struct Number: Message, Equatable {
    let value: Int
    init(_ value: Int) { self.value = value }
    init(bytes: [UInt8]) throws {
      guard bytes.count == 8 else { throw InputError("found \(bytes.count) bytes; expected 8") }
      value = bytes.withUnsafeBytes { $0.loadUnaligned(as: Int.self) }
    }
    func bytes() -> [UInt8] { withUnsafeBytes(of: value, Array.init) }
  }

  @Test(arguments: 1...5) func resultsAreInOrder(ranks: Int) {
    for (count, everywhere) in [(0, false), (1, true), (3, false), (7, true), (20, false)] {
      let found = ThreadWorld(ranks).run { world in
        World.$current.withValue(world) { World.map(count, everywhere: everywhere) { Number($0 * $0) }?.map { try? $0.get() } }
      }
      for (rank, values) in found.enumerated() {
        let expected = rank == 0 || everywhere ? (0..<count).map { Optional(Number($0 * $0)) } : nil
        #expect(values == expected, "\(count) pieces, rank \(rank) of \(ranks)")
      }
    }
  }

  /// The first error by its number, in its words and of its kind, everywhere; nothing before it is left out.
  @Test(arguments: 1...4) func theFirstErrorIsEverywhere(ranks: Int) throws {
    let found = ThreadWorld(ranks).run { world -> [String] in
      World.$current.withValue(world) {
        let results = World.map(12, everywhere: true) { i -> Number in
          if i == 5 { throw InputError("5 cannot be read") }
          if i > 6 { throw RemoteError("\(i) failed", isOfInput: false) }
          return Number(i)
        }
        return (results ?? []).prefix(6).map { result in
          switch result {
          case .success(let number): "\(number.value)"
          case .failure(let error as any InputFault): "\(error), \(error.isOfInput)"
          case .failure: "another error"
          }
        }
      }
    }
    for said in found { #expect(said == ["0", "1", "2", "3", "4", "5 cannot be read, true"]) }
  }

  @Test func whatTheFirstThrowsAllThrow() {
    let runs = Atomic<Int>(0)
    let status = withUnsafePointer(to: runs) { runs in
      let counter = Counter(runs: runs)
      return ThreadWorld(3).run { world -> Bool? in
        World.$current.withValue(world) {
          do {
            try World.onFirst {
              counter.runs.pointee.add(1, ordering: .relaxed)
              throw InputError("no such folder")
            }
            return nil
          } catch { return (error as? any InputFault)?.isOfInput }
        }
      }
    }
    #expect(status == [true, true, true] && runs.load(ordering: .relaxed) == 1)
  }
  private struct Counter: @unchecked Sendable { let runs: UnsafePointer<Atomic<Int>> }
}
