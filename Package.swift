// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

/// Every Swift target is held to the same standard: a warning is an error.
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

/// A module map over a system library, its headers and its flags found by pkg-config.
func library(_ name: String, pkgConfig: String? = nil, debian: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([debian])])
}

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies + ["TestSupport"], swiftSettings: strict)
}

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "Unfold",
  products: [
    .library(
      name: "Unfold",
      targets: [
        "Tensors", "Operators", "ProximalMaps", "Denoisers", "Problems", "Algorithms", "Networks", "Training", "WeightFiles",
        "LinearSystems", "FileFormats", "Datasets", "Metrics", "Evaluation", "Experiments",
      ]),
    .library(name: "UnfoldProgram", targets: ["UnfoldProgram"]),
    .library(name: "unfoldnet", type: .dynamic, targets: ["CInterface"]),
    .executable(name: "unfold", targets: ["unfold"]),
  ],
  traits: [
    .trait(name: "FFTW", description: "Fourier transforms by FFTW (GPL-2.0-or-later); without it, by the package's own transform."),
    .trait(name: "MPI", description: "Training over several processes, by Open MPI or MPICH (mpi-c of pkg-config)."),
    .default(enabledTraits: ["FFTW"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    library("CBLAS", pkgConfig: "openblas", debian: "libopenblas-pthread-dev"),
    library("CFFTW", debian: "libfftw3-dev"),
    library("COneDNN", debian: "libdnnl-dev"),
    library("CMPI", pkgConfig: "mpi-c", debian: "libopenmpi-dev"),
    library("CPNG", pkgConfig: "libpng", debian: "libpng-dev"),
    library("CTurboJPEG", pkgConfig: "libturbojpeg", debian: "libturbojpeg0-dev"),
    library("CTIFF", pkgConfig: "libtiff-4", debian: "libtiff-dev"),
    library("CHDF5", pkgConfig: "hdf5", debian: "libhdf5-dev"),
    library("CISMRMRD", pkgConfig: "hdf5", debian: "libismrmrd-dev"),  // has no pkg-config, but HDF5 in its headers
    library("CCairo", pkgConfig: "cairo", debian: "libcairo2-dev"),
    library("CZlib", pkgConfig: "zlib", debian: "zlib1g-dev"),

    // Of `make`, or of who says it.
    .target(
      name: "CCommit",
      cSettings: (Context.environment["UNFOLD_COMMIT"] ?? "").isEmpty
        ? [] : [.define("UNFOLD_COMMIT", to: Context.environment["UNFOLD_COMMIT"]!)]),
    .target(name: "CKernels"),
    .target(
      name: "CNIfTI", cSettings: [.headerSearchPath("search")],
      linkerSettings: [.linkedLibrary("nifti2"), .linkedLibrary("znz")]),  // libnifti-dev has no pkg-config
    .target(
      name: "CDICOM",
      linkerSettings: ["dcmdata", "dcmjpeg", "dcmjpls", "oflog", "ofstd"].map { .linkedLibrary($0) }),  // libdcmtk-dev
    module("Platform"),
    module("Communication", ["Kernels", .target(name: "CMPI", condition: .when(traits: ["MPI"]))]),
    module("Kernels", ["Platform", "CKernels", "CBLAS", "COneDNN", .target(name: "CFFTW", condition: .when(traits: ["FFTW"]))]),
    module("Tensors", ["Kernels"]),
    module("Operators", ["Tensors"]),
    module("ProximalMaps", ["Operators"]),
    module("Denoisers", ["ProximalMaps"]),
    module("Problems", ["Operators", "ProximalMaps"]),
    module("Algorithms", ["Problems", "Denoisers"]),
    module("Networks", ["Algorithms", "Denoisers"]),
    module("WeightFiles", ["Tensors"]),
    module("LinearSystems", ["Networks", "Denoisers", "Training"]),
    module(
      "FileFormats", ["WeightFiles", "CDICOM", "CPNG", "CTurboJPEG", "CTIFF", "CHDF5", "CISMRMRD", "CNIfTI", "CZlib"]),
    module("Training", ["CCommit", "WeightFiles", "Communication"]),
    module("Datasets", ["Tensors", "FileFormats", "Problems"]),
    module("Metrics", ["WeightFiles"]),
    module("Evaluation", ["Metrics", "FileFormats", "CCairo"]),
    module(
      "Experiments", ["LinearSystems", "Datasets", "Evaluation", .product(name: "Yams", package: "Yams")]),
    // portable.c names a symbol of libstdc++.
    .target(name: "CUnfoldNet", linkerSettings: [.linkedLibrary("stdc++", .when(platforms: [.linux]))]),
    module("CInterface", ["CUnfoldNet", "LinearSystems", "Metrics"]),
    .target(
      name: "UnfoldProgram",
      dependencies: ["Experiments", "Denoisers", "Checks", argumentParser, .product(name: "Yams", package: "Yams")],
      swiftSettings: strict),
    .executableTarget(name: "unfold", dependencies: ["UnfoldProgram"], swiftSettings: strict),

    module("Checks", ["Networks", "Denoisers"]),
    .executableTarget(
      name: "fuzz-readers", dependencies: ["CInterface", "CUnfoldNet", "FileFormats", "Networks"], path: "Sources/FuzzReaders",
      swiftSettings: strict),

    module("TestSupport", ["Operators"]),
    tests("KernelsTests", ["Kernels"]),
    tests("TensorsTests", ["Tensors"]),
    tests("OperatorsTests", ["Operators"]),
    tests("ProximalMapsTests", ["ProximalMaps"]),
    tests("DenoisersTests", ["Denoisers", "FileFormats", "Metrics"]),
    tests("ProblemsTests", ["Problems"]),
    tests("AlgorithmsTests", ["Algorithms", "Datasets", "FileFormats"]),
    tests("NetworksTests", ["Networks", "Training", "FileFormats"]),
    tests("TrainingTests", ["Training", "Networks"]),
    tests("FileFormatsTests", ["FileFormats"]),
    tests("DatasetsTests", ["Datasets"]),
    tests("EvaluationTests", ["Evaluation", "CPNG"]),
    tests("ChecksTests", ["Checks"]),
    tests("CInterfaceTests", ["CInterface", "CUnfoldNet"]),
    tests("ExperimentsTests", ["Experiments"]),
    tests("EndToEndTests", ["FileFormats", "Experiments", "unfold"]),
  ],
  swiftLanguageModes: [.v6]
)
