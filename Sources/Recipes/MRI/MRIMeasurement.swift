// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Kernels
import Operators
import Tensors

/// k-space samples of images with all that made them: what `unfold simulate cs-mri` writes and `unfold reconstruct` reads.
///
/// As an HDF5 file: `k_space/K`, the samples of image K on the whole grid, `[h, w]` or of several coils `[coils, h, w]`, 0 where nothing
/// was measured, frequency 0 at [0, 0], unitary transform; `mask/K`, 1 where measured; `ground_truth/K`, the image, of several coils its
/// magnitude, where it was kept; the rest as text attributes.
public struct MRIMeasurement: Sendable {
  public struct Scan: Sendable {
    public let name: String
    /// `[coils, height, width]`, in double precision.
    public let kSpace: ComplexTensor
    public let mask: SamplingMask
    /// The image has a phase.
    public let isComplex: Bool
    /// The image, or its magnitude.
    public let groundTruth: NumericArray?
    /// What an image is to be multiplied by to be in the units of the file.
    public var scale = 1.0
    /// Rows and columns in the middle of the image that are kept; nil: all.
    public var wanted: [Int]?

    public var coils: Int { kSpace.shape[0] }
  }

  public let scans: [Scan]
  /// How the masks were made, in words, and their nominal ratio.
  public let pattern: String
  public let ratio: Double?
  /// Signal-to-noise ratio in dB; nil: no noise.
  public let noiseDecibel: Double?
  public let seed: UInt64

  /// y = P F x for every image, or P F S x with the maps S of simulated coils around it.
  public init(
    _ images: [MRIImage], sampling: MRISampling, coils: Int = 1, noiseDecibel: Double? = nil, seed: UInt64, keepingGroundTruth: Bool
  ) throws {
    guard !images.isEmpty else { throw RecipeError("found no image; expected at least one") }
    let masks = try sampling.masks(of: images)
    scans = Parallel.map(images.count) { index in
      images[index].scan(
        masks[index], coils: coils, noiseDecibel: noiseDecibel, seed: seed, image: index, keepingGroundTruth: keepingGroundTruth)
    }
    pattern = sampling.name
    ratio = sampling.ratio
    self.noiseDecibel = noiseDecibel
    self.seed = seed
  }

  /// Writes the HDF5 file atomically.
  public func write(to path: String) throws {
    var arrays: [NamedArray] = []
    for (i, scan) in scans.enumerated() {
      let stored = scan.kSpace.pairs.shape.suffix(scan.coils > 1 ? 4 : 3)
      arrays.append(NamedArray(name: "k_space/\(i)", value: ComplexTensor(pairs: scan.kSpace.pairs.reshaped(Array(stored)))))
      arrays.append(NamedArray(name: "mask/\(i)", value: scan.mask.values.converted(to: .single)))
      if let truth = scan.groundTruth { arrays.append(NamedArray(name: "ground_truth/\(i)", value: truth)) }
    }
    var attributes = [
      "format": MeasurementFile.format, "problem": ProblemKind.mri.rawValue, "seed": String(seed), "pattern": pattern,
      "names": scans.map(\.name).joined(separator: "/"), "complex": scans.map { $0.isComplex ? "1" : "0" }.joined(),
    ]
    attributes["ratio"] = ratio.map { "\($0)" }
    attributes["noise_snr_db"] = noiseDecibel.map { "\($0)" }
    try HDF5File(arrays: arrays, attributes: attributes).write(to: path)
  }

  /// Writes the k-space of the one image as BART's pair of files, frequency 0 and the image's origin in the middle.
  ///
  /// - Throws: ``RecipeError`` for several images.
  public func writeBART(to path: String) throws {
    guard scans.count == 1 else {
      throw RecipeError("\(path): found \(scans.count) images; expected one for BART's array, or an .h5 file for all")
    }
    let centred = scans[0].kSpace.centredKSpace
    let (coils, plane) = (centred.shape[0], centred.pairs.shape.dropFirst())
    try BARTFile.write(ComplexTensor(pairs: centred.pairs.reshaped([coils, 1] + plane)), to: path)
  }

  /// - Throws: ``RecipeError`` naming the first thing that does not fit.
  public init(_ file: MeasurementFile) throws {
    let attributes = file.file.attributes
    guard file.problem == .mri, let seed = file.seed else { throw file.damaged("found no problem cs-mri with a seed") }
    self.seed = seed
    pattern = attributes["pattern"] ?? "given"
    ratio = try file.number("ratio")
    noiseDecibel = try file.number("noise_snr_db")
    let names = (attributes["names"] ?? "").split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let kinds = Array(attributes["complex"] ?? "")
    guard !names.isEmpty, kinds.count == names.count else {
      throw file.damaged("found \(names.count) names and \(kinds.count) kinds")
    }
    scans = try names.indices.map { i in
      let mask = try file.array("mask/\(i)", rank: 2)
      let (h, w) = (mask.shape[0], mask.shape[1])
      guard mask.doubles.allSatisfy({ $0 == 0 || $0 == 1 }) else {
        throw file.damaged("found mask/\(i) of other numbers than 0 and 1")
      }
      guard let kSpace = file.file["k_space/\(i)"]?.complex, kSpace.shape.suffix(2) == [h, w], (2...3).contains(kSpace.shape.count)
      else {
        throw file.damaged(
          "found k_space/\(i) of shape \(file.file["k_space/\(i)"]?.shape.description ?? "none"); expected [\(h), \(w)] or "
            + "[coils, \(h), \(w)], the size of mask/\(i)")
      }
      let coils = kSpace.count / (h * w)
      guard kSpace.pairs.isFinite else {
        throw RecipeError("\(file.path): found NaN or infinity in k_space/\(i); expected finite samples, measure it again")
      }
      let truth = file.file["ground_truth/\(i)"]
      if let truth, truth.shape != [h, w] || !(truth.real ?? truth.complex.pairs).isFinite {
        throw file.damaged("found ground_truth/\(i) of shape \(truth.shape); expected finite numbers, [\(h), \(w)]")
      }
      return Scan(
        name: names[i], kSpace: ComplexTensor(pairs: kSpace.pairs.converted(to: .double).reshaped([coils, h, w, 2])),
        mask: SamplingMask(height: h, width: w, isSampled: mask.doubles.map { $0 == 1 }), isComplex: kinds[i] == "1",
        groundTruth: truth.map { MRIImage(name: "", value: $0).value })
    }
  }
}
