// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

/// Every prefix up to 4 kB and seeded mutations of valid files: a typed error or a consistent result, never a trap, over a second
/// of processor time, or 4 GiB of memory. The readers run in a child of the `fuzz-readers` that is built beside the tests.
@Suite struct DamagedFileTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  /// The program's line: how many inputs it read, refused, and lost.
  private func fuzz(_ format: String, count: Int, samples: [String]) throws -> (line: String, read: Int, refused: Int, lost: Int) {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    // The runner is the test bundle itself or lies beside the toolchain; the first argument that names the bundle tells the
    // build folder.
    let bundle = ([tests] + CommandLine.arguments).first { $0.contains(".xctest") } ?? tests
    let program = URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("fuzz-readers")
    let process = Process()
    process.executableURL = program
    process.arguments = [format, "--count", String(count), "--seed", "2026"]
    for (k, sample) in samples.enumerated() { process.arguments! += ["--sample", try folder.write(sample, as: "sample\(k)")] }
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    let line = text.split(separator: "\n").first.map(String.init) ?? ""
    func number(before word: String) throws -> Int {
      let words = line.split(whereSeparator: { " ,:".contains($0) })
      let place = try #require(words.firstIndex { $0 == word }, "\(text)")
      return try #require(Int(words[place - 1]))
    }
    return (text, try number(before: "read"), try number(before: "refused"), try number(before: "hung") + number(before: "crashed"))
  }

  @Test(arguments: [
    ("npy", [ArrayFixture.npyFortran, ArrayFixture.npyComplexFortran, ArrayFixture.npyBigEndian, ArrayFixture.npyVersion2]),
    ("npz", [ArrayFixture.npzStored, ArrayFixture.npzDeflated]), ("safetensors", []), ("events", []), ("cfl", []),
    ("torch-stream", [TorchFixture.stream, TorchFixture.streamProtocol1, TorchFixture.streamProtocol5, TorchFixture.streamParts]),
    ("torch-zip", [TorchFixture.zip, TorchFixture.zipBigEndianDeflated]), ("mtx", []),
    ("sparse-npz", [SparseFixture.cscSingle, SparseFixture.csrUnicode]),
  ]) func ownReaders(format: String, samples: [String]) throws {
    let result = try fuzz(format, count: 10_000, samples: samples)
    #expect(result.lost == 0, "\(result.line)")
    #expect(result.read + result.refused > 10_000 && result.read > 0 && result.refused > 0)
  }

  /// Odd arguments of functions of the C interface: a code, and the process goes on.
  @Test(arguments: [
    "unf_set_threads", "unf_release", "unf_operator_steps", "unf_operator_matrix", "unf_operator_sparse", "unf_operator_function",
    "unf_operator_facts", "unf_operator_apply", "unf_operator_adjoint_error", "unf_operator_measure", "unf_operator_stop",
    "unf_solve",
    "unf_network", "unf_network_load", "unf_network_save", "unf_network_move", "unf_network_facts", "unf_network_parameter",
    "unf_network_fit", "unf_network_apply", "unf_network_pullback", "unf_metric",
  ]) func interface(function: String) throws {
    // A handle alone is seldom wrong.
    let count = ["unf_operator_facts", "unf_operator_stop"].contains(function) ? 200 : 40
    let result = try fuzz(function, count: count, samples: [])
    #expect(result.lost == 0, "\(result.line)")
    #expect(result.read + result.refused == count && result.read > 0 && result.refused > 0, "\(result.line)")
  }

  @Test(arguments: [
    ("png", [ImageFixture.pngPalette, ImageFixture.pngBinary, ImageFixture.pngRGBA, ImageFixture.pngGray16]),
    ("jpeg", [ImageFixture.jpegGray, ImageFixture.jpegProgressive420]),
    ("tiff", [ImageFixture.tiffLZW, ImageFixture.tiffTiled, ImageFixture.tiffPlanarBig, ImageFixture.tiffBigStrips]),
    ("mat5", [ArrayFixture.mat5Compressed, ArrayFixture.mat5, SparseFixture.mat5]),
    ("dicom", [DICOMFixture.inverted, DICOMFixture.jpegLossless, DICOMFixture.jpegLS, DICOMFixture.enhanced]),
    ("nifti", [NIfTIFixture.scaled, NIfTIFixture.series, NIfTIFixture.complex]), ("nifti-pair", []),
    ("mat73", [SparseFixture.mat73]), ("hdf5", [ArrayFixture.hdf5, PassedOverFixture.hdf5]), ("fastmri", []), ("ismrmrd", []),
  ]) func readersOnLibraries(format: String, samples: [String]) throws {
    let result = try fuzz(format, count: 1000, samples: samples)
    #expect(result.lost == 0, "\(result.line)")
    #expect(result.read + result.refused > 1000 && result.read > 0 && result.refused > 0)
  }
}
