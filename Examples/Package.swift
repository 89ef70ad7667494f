// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

/// One runnable program a topic. In this folder: `swift run -c release LISTAFromISTA`.
func example(_ name: String) -> Target {
  .executableTarget(
    name: name, dependencies: [.product(name: "Unfold", package: "Unfold")], swiftSettings: [.treatAllWarnings(as: .error)])
}

let package = Package(
  name: "Examples",
  dependencies: [.package(name: "Unfold", path: "..")],
  targets: [example("LISTAFromISTA"), example("OwnOperator"), example("AdaptiveDepth")],
  swiftLanguageModes: [.v6]
)
