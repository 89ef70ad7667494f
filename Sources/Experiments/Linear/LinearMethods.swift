// SPDX-License-Identifier: Apache-2.0
extension Linear {
  public struct Knobs: Settings {
    public init() {}
  }
  public static var methods: [Method<Linear>] { networks }
}
