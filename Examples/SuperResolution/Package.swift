// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let package = Package(
  name: "SuperResolution",
  dependencies: [
    .package(name: "Unfold", path: "../.."), .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
  ],
  targets: [
    .executableTarget(
      name: "super-resolution",
      dependencies: [
        .product(name: "Unfold", package: "Unfold"), .product(name: "UnfoldProgram", package: "Unfold"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
