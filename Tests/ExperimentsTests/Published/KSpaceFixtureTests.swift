// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Experiments
import FileFormats
import Foundation
import Operators
import Tensors
import TestSupport
import Testing

/// Networks for y = P F x on tiny images; figures by `Tests/Fixtures/k_space.py`.
@Suite struct KSpaceFixtureTests {
  private let folder: Folder
  /// A real image of 48 × 48.
  private let brain: [String]
  /// 13 lines through frequency 0.
  private let radial: KSpace

  init() throws {
    folder = try Folder()
    brain = try folder.images([TinyImage.disc(48, 48)])
    radial = try KSpace(.set { $0.ratio = 567 / 2304 }, seed: 1)
  }

  @Test func zeroFilling() throws {
    let scan = try radial.scans(of: brain)[0]
    #expect(scan.system.mask.count == 567)
    let report = try Runner(KSpace.named("zero-filling")).evaluation(radial.scans(of: brain), seed: 1)
    #expect(abs(report.mean.psnr! - 24.685603688) <= 1e-8)
  }

  /// Layers X C Z M X C Z M X with weights as the authors' MATLAB program keeps them, and as an archive of arrays names them; double
  /// precision.
  @Test(arguments: ["mat", "npz"]) func admmNet(kind: String) throws {
    func gamma(_ n: Int) -> Tensor { .identity(8) + filters([8, 8], n, 0.1) }
    func reconstruction(_ k: Int) -> [Tensor] {
      [gamma(61 + 2 * k), wave([8, 1], 1.3 + 0.4 * Double(k), 0.2, scale: 0.05, offset: 0.2 - 0.05 * Double(k))]
    }
    let knots = (0...100).map { -1 + 0.02 * Double($0) }
    let curve = knots.flatMap { p in [Double](repeating: (p < 0 ? -1 : 1) * max(abs(p) - 0.05, 0), count: 8) }
    let stages = (0..<2).flatMap { k -> [(type: String, weights: [Tensor])] in
      [
        ("Convo", [gamma(62 + 2 * k)]), ("Non_linorg", [Tensor(curve, shape: [101, 8]) + filters([101, 8], 66 + k, 0.01)]),
        ("Multi_org", [wave([8, 1], 0.9 + Double(k), 0.1, scale: 0.05, offset: 1.6)]), ("X_org", reconstruction(k + 1)),
      ]
    }
    let layers = [(type: "X_org", weights: reconstruction(0))] + stages
    let arrays = layers.enumerated().flatMap { k, layer in
      layer.weights.enumerated().map { j, value in (name: "0\(k).\(layer.type).\(j)", value: value) }
    }
    let weights =
      try kind == "mat" ? folder.writeLayers(layers, to: "admm-net.mat") : folder.writeWeights(arrays, to: "admm-net.npz")
    try expectPublished(
      radial, "admm-net", of: brain, .set { $0.weights = weights }, in: folder, psnr: [25.914567991488], probes: [-3.97697855907],
      tolerance: (1e-9, 1e-9))
  }

  @Test func istaNetPlus() throws {
    let weights = try folder.writeTorch(
      istaNetPlusStage.map { (name: "fcs.0." + $0.name, value: $0.value) }, to: "ista-net-plus.pkl")
    try expectPublished(
      radial, "ista-net-plus", of: brain, .set { $0.weights = weights }, in: folder, psnr: [24.6946758], probes: [-5.810154])
  }

  /// The row of a published table that has weights in the library.
  @Test func table() throws {
    try FileManager.default.createDirectory(atPath: folder.file("cs-mri"), withIntermediateDirectories: true)
    _ = try folder.writeWeights(
      istaNetPlusStage.map { (name: "fcs.0." + $0.name, value: $0.value) }, to: "cs-mri/ista-net-plus-20.safetensors")
    var request = TableRequest("ista-net-3")
    (request.library, request.images) = (ModelLibrary(path: folder.path), brain[0])
    let table = try #require(KSpace.tables.first { $0.name == request.table }).run(request)
    let measured = table.rows.filter { $0.measured != nil }
    #expect(measured.map(\.column) == ["20 %"] && measured[0].published == 38.73)
    #expect(
      table.rows.count == 16 && table.rows.filter { $0.published == nil }.map(\.method) == Array(repeating: "scnet", count: 4))
    #expect(abs(measured[0].measured! - 21.7780734) <= 1e-4, "\(measured[0].measured!)")
  }

  // MARK: Complex images

  private static let side = 32
  private static let disc = TinyImage.disc(side, side)
  private static let phase = wave([side, side], 0.05, 0.3, scale: 0.8)

  /// magnitude · exp(i phase).
  private static func complex(_ magnitude: Tensor, _ phase: Tensor) -> ComplexTensor {
    let polar = Array(zip(magnitude.doubles, phase.doubles))
    return ComplexTensor(
      real: Tensor(polar.map { $0 * cos($1) }, shape: magnitude.shape),
      imaginary: Tensor(polar.map { $0 * sin($1) }, shape: magnitude.shape))
  }

  /// Whole columns, frequency 0 in the middle of the file.
  private func columns() throws -> KSpace {
    let side = Self.side
    let isSampled = (0..<side * side).map { p in abs(p % side - side / 2) <= 3 || p % side % 3 == 1 ? 1.0 : 0 }
    let path = folder.file("columns.npy")
    try NPY.write(Tensor(isSampled, shape: [side, side]), to: path)
    return try KSpace(.set { ($0.mask, $0.maskOrder) = (path, .centred) }, seed: 1)
  }

  /// The second program of its authors: one set of weights for ten stages, curves by slopes; 4 maps in the place of 128.
  @Test func admmCSNet() throws {
    let image = folder.file("phased.npy")
    try NPY.write(Self.complex(Self.disc, Self.phase), to: image)
    let experiment = try columns()
    let weights = try folder.writeTorch(
      [
        ("rho", .filled(0.12, shape: [1])), ("gamma", .filled(0.9, shape: [1])),
        ("conv1_layer.conv.weight", filters([4, 1, 5, 5], 71, 0.2)), ("conv1_layer.conv.bias", filters([4], 72, 0.05)),
        ("nonlinear_layer.pwl.slopes", wave([4, 102], 0.31, 0.2, scale: 0.5, offset: 0.5)),
        ("nonlinear_layer.pwl.biases", wave([4], 1.1, 0.3, scale: 0.1)),
        ("conv2_layer.conv.weight", filters([1, 4, 5, 5], 73, 0.015)), ("conv2_layer.conv.bias", filters([1], 74, 0.01)),
      ], to: "admm-csnet.pth")
    let options = SolverOptions<KSpace.Knobs>.set { $0.weights = weights }
    let scans = try experiment.scans(of: [image])
    let found = try Runner(KSpace.named("admm-csnet"), options: options).run(scans[0])
    let x = found.reconstruction.value.complex
    #expect(found.solver.depth == 10 && abs(found.scores!.psnr! - 20.4645544) <= 1e-4)
    #expect(abs(found.scores!.nmse! - 0.232603474) <= 1e-5)
    #expect(abs(probe(x.real) - 7.201270) <= 1e-4 && abs(probe(x.imaginary) + 1.087272) <= 1e-4)
    let filled = try Runner(KSpace.named("zero-filling")).evaluation(scans, seed: 1)
    #expect(abs(filled.mean.psnr! - 23.6746029) <= 1e-6)
  }

  /// k-space of one coil and of four from BART's files, single precision: the magnitude, and the root of the sum of squares.
  @Test(arguments: [(1, 7.866356840), (4, 12.869884488)]) func coils(count: Int, expected: Double) throws {
    let side = Self.side
    let mask = try columns().mask(height: side, width: side)
    let kSpace = (0..<count).map { c in
      let (map, turn) = Self.coil(c)
      let magnitude = Tensor(zip(Self.disc.doubles, map.doubles).map { $0 * $1 }, shape: [side, side])
      let seen = Self.complex(magnitude, Self.phase + turn)
      return MaskedFourier(mask).forward(seen).centredKSpace.pairs.reshaped([1, side, side, 2])
    }
    try BARTFile.write(ComplexTensor(pairs: Tensor.stacked(kSpace)), to: folder.file("coils.cfl"))
    let scans = try KSpace.open(folder.file("coils.cfl"), .init())
    let found = try Runner(KSpace.named("zero-filling")).run(scans[0]).reconstruction
    #expect(abs(probe(found.inFileUnits.display) - expected) <= 1e-5)
  }

  /// Magnitude and phase of a coil's map.
  private static func coil(_ c: Int) -> (map: Tensor, turn: Tensor) {
    (
      wave([side, side], 0.01 * Double(c + 1), 0.5 * Double(c), scale: 0.4, offset: 0.6),
      wave([side, side], 0.02, 0.9 * Double(c))
    )
  }

  /// One stage of two channels on four coils whose maps have another norm than 1; the file of a measurement keeps them.
  @Test func networkOfCoils() throws {
    let (image, maps) = (folder.file("phased.npy"), folder.file("maps.npy"))
    try NPY.write(Self.complex(Self.disc, Self.phase), to: image)
    let pairs = (0..<4).map { c in Self.complex(Self.coil(c).map, Self.coil(c).turn).pairs }
    try NPY.write(.complex(ComplexTensor(pairs: .stacked(pairs))), to: maps)
    var setup = try columns().setup
    setup.maps = maps
    let stage = istaNetPlusStage.map { name, value in
      switch name {
      case "conv_D": (name: "fcs.0." + name, value: filters([32, 2, 3, 3], 1, 0.2))
      case "conv_G": (name: "fcs.0." + name, value: filters([2, 32, 3, 3], 6, 0.02))
      default: (name: "fcs.0." + name, value: value)
      }
    }
    let weights = try folder.writeTorch(stage, to: "ista-net-plus.pkl")
    let experiment = try KSpace(setup, seed: 1)
    let options = SolverOptions<KSpace.Knobs>.set { $0.weights = weights }
    _ = try experiment.simulate([image], to: folder.file("coils.h5"), keepingGroundTruth: true)
    for scans in [try experiment.scans(of: [image]), try KSpace.open(folder.file("coils.h5"), .init())] {
      let found = try Runner(KSpace.named("ista-net-plus"), options: options).run(scans[0])
      let x = found.reconstruction.value.complex
      #expect(abs(found.scores!.psnr! - 13.5903753) <= 1e-4, "\(found.scores!.psnr!)")
      #expect(abs(probe(x.real) - 6.249203) <= 1e-4 && abs(probe(x.imaginary) + 0.764663) <= 1e-4)
    }
  }
}
