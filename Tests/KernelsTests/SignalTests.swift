// SPDX-License-Identifier: Apache-2.0
import Foundation
import Kernels
import Synchronization
import Testing

/// A signal's handler that runs in the middle of a matrix product leaves memory alone: oneDNN's products move the stack pointer to the heap
/// (by a debugger; a C program of such products alone and a timer ends in “double free or corruption”).
struct SignalTests {
  @Test func handlersLeaveProductsAndOtherMemoryAlone() {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in }
    action.sa_flags = SA_RESTART | SA_ONSTACK
    var former = sigaction()
    #expect(sigaction(SIGUSR2, &action, &former) == 0)
    defer { sigaction(SIGUSR2, &former, nil) }

    let (m, n, k) = (32, 500, 500)
    let a = (0..<m * k).map { Float($0 % 7) }
    let b = (0..<k * n).map { Float($0 % 5) }
    func product() -> [Float] {
      [Float](unsafeUninitializedCapacity: m * n) { c, count in
        Float.gemm(transposeA: false, transposeB: false, m: m, n: n, k: k, alpha: 1, a, b, beta: 0, c.baseAddress!)
        count = m * n
      }
    }
    let expected = product()
    let isOver = Atomic<Bool>(false)
    let sent = Atomic<Int>(0)
    withUnsafePointer(to: isOver) { isOver in
      withUnsafePointer(to: sent) { sent in
        let sender = Sender(target: pthread_self(), isOver: isOver, sent: sent)
        let thread = Thread {
          while !sender.isOver.pointee.load(ordering: .relaxed) {
            if pthread_kill(sender.target, SIGUSR2) == 0 { sender.sent.pointee.add(1, ordering: .relaxed) }
            usleep(100)
          }
          sender.isOver.pointee.store(false, ordering: .releasing)
        }
        thread.start()
        var wrong = 0
        for _ in 0..<400 {
          let before = [Float](repeating: 1, count: m * n)
          if product() != expected { wrong += 1 }
          if before.contains(where: { $0 != 1 }) { wrong += 1 }
        }
        #expect(wrong == 0)
        #expect(sent.pointee.load(ordering: .relaxed) > 100)
        isOver.pointee.store(true, ordering: .relaxed)
        while isOver.pointee.load(ordering: .acquiring) { usleep(100) }
      }
    }
  }

  private struct Sender: @unchecked Sendable {
    let target: pthread_t
    let isOver: UnsafePointer<Atomic<Bool>>
    let sent: UnsafePointer<Atomic<Int>>
  }
}
