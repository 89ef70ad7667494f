// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct TorchTests {
  private let w = Tensor((0..<6).map { Float($0) / 8 }, shape: [2, 3])

  private func read(_ fixture: String) throws -> [NamedArray] { try TorchFile.read(decoding: bytes(fixture), path: "folder/x.pth") }

  // MARK: What PyTorch writes

  @Test(arguments: [TorchFixture.stream, TorchFixture.zip]) func everyTypeAndView(fixture: String) throws {
    let arrays = try read(fixture)
    let expected: [(name: String, value: Tensor)] = [
      ("weight", w), ("module.row", Tensor([0.375, 0.5, 0.625] as [Float])),
      ("columns", Tensor([0.125, 0.25, 0.5, 0.625] as [Float], shape: [2, 2])),
      ("transposed", Tensor([0, 0.375, 0.125, 0.5, 0.25, 0.625] as [Double], shape: [3, 2])),
      ("net.half", Tensor([1.5, -2, 0x1p-24] as [Float])),  // 6e-8 is the smallest half there is
      ("net.brain", Tensor([3.140625, Float(bitPattern: 0xf14a_0000)])),  // −1e30 to 8 bits
      ("net.scalar", Tensor([7.25] as [Float], shape: [])), ("net.empty", Tensor([] as [Float], shape: [0, 2])),
      ("list.0", Tensor([1, -2, 0x1p40] as [Double])), ("list.1.0", Tensor([-7] as [Double])),
      ("list.1.1", Tensor([-300] as [Float], shape: [1, 1])), ("5.i1", Tensor([-128, 127] as [Float])),
      ("5.u1", Tensor([0, 255] as [Float])), ("5.b", Tensor([1, 0] as [Float])), ("parameter", Tensor([0.5] as [Float])),
      ("expanded", Tensor([2.5, 2.5, 2.5, 2.5] as [Float], shape: [2, 2])),
    ]
    #expect(arrays.map(\.name) == expected.map(\.name))
    for (array, expected) in zip(arrays, expected) {
      #expect(identical(try #require(array.value.real), expected.value), "\(array.name)")
    }
  }

  @Test(arguments: [TorchFixture.streamProtocol1, TorchFixture.streamProtocol5]) func otherProtocols(fixture: String) throws {
    let arrays = try read(fixture)
    #expect(arrays.map(\.name) == ["w", "p"])
    #expect(identical(arrays[0].value.stored, Tensor([0, 0.375, 0.125, 0.5, 0.25, 0.625] as [Float], shape: [3, 2])))
    #expect(identical(arrays[1].value.stored, w.row(1)))
  }

  @Test func partsOfStorages() throws {
    let arrays = try read(TorchFixture.streamParts)
    #expect(arrays.map(\.name) == ["a", "b"])
    #expect(identical(arrays[0].value.stored, w.reshaped([6])))
    #expect(identical(arrays[1].value.stored, Tensor([0.375, 0.5] as [Float])))
  }

  @Test func bigEndianAndDeflated() throws {
    let arrays = try read(TorchFixture.zipBigEndianDeflated)
    #expect(arrays.map(\.name) == ["w", "h", "i", "d", "z"])
    let expected = [
      w, Tensor([1.5, -2] as [Float]), Tensor([1, -2, 0x1p40] as [Double]), Tensor([0.1]), .zeros([100], precision: .single),
    ]
    for (array, expected) in zip(arrays, expected) { #expect(identical(array.value.stored, expected), "\(array.name)") }
  }

  @Test func aTensorAloneHasTheFilesName() throws {
    let arrays = try read(TorchFixture.zipTensor)
    #expect(arrays.map(\.name) == ["x"] && identical(arrays[0].value.stored, Tensor([0.25, 0.625] as [Float])))
  }

  // MARK: What is refused

  @Test(arguments: [
    (TorchFixture.streamEvil, "posix.system"), (TorchFixture.zipEvil, "posix.system"),
    (TorchFixture.zipModel, "torch.nn.modules.linear.Linear"),
  ]) func otherGlobalsByName(fixture: String, global: String) throws {
    let error = #expect(throws: FileFormatError.self) { try read(fixture) }
    #expect(
      error?.description == "folder/x.pth: found the global \(global) in a pickle; expected only tensors and containers of them; "
        + "save the state_dict.")
  }

  /// A stream of the text instructions of protocols 0 and 1, so that a pickle can be written down.
  private func stream(_ pickle: String, keys: String = "(l.", storages: [UInt8] = []) throws -> [NamedArray] {
    let text = "L119547037146038801333356L\n.I1001\n.}." + pickle + keys
    return try TorchFile.read(decoding: Data(text.utf8) + Data(storages), path: "x.pth")
  }

  /// A dictionary with the tensor `t` in a storage of four bytes.
  private func tensor(
    _ offset: String, _ shape: [String], _ strides: [String], type: String = "Byte", count: String = "4", more: String = ""
  ) throws -> [NamedArray] {
    func tuple(_ numbers: [String]) -> String { "(" + numbers.map { "L\($0)L\n" }.joined() + "t" }
    let storage = "(U\u{7}storagectorch\n\(type)Storage\nU\u{1}0U\u{3}cpuL\(count)L\ntQ"
    let arguments = "(" + storage + "L\(offset)L\n" + tuple(shape) + tuple(strides) + more + "t"
    return try stream(
      "}U\u{1}tctorch._utils\n_rebuild_tensor_v2\n" + arguments + "Rs.", keys: "(U\u{1}0l.",
      storages: [4, 0, 0, 0, 0, 0, 0, 0, 10, 11, 12, 13])
  }

  @Test func stridesWithinTheStorage() throws {
    let arrays = try tensor("1", ["2", "1", "2"], ["1", "9223372036854775807", "1"])
    #expect(arrays.map(\.name) == ["t"])
    #expect(identical(arrays[0].value.stored, Tensor([11, 12, 12, 13] as [Float], shape: [2, 1, 2])))
    #expect(try tensor("9", ["0", "3"], ["1", "1"])[0].value.shape == [0, 3])
    #expect(try tensor("0", ["400", "600"], ["0", "0"])[0].value.shape == [400, 600])
    #expect(throws: FileFormatError.self) { try tensor("0", ["600", "600"], ["0", "0"]) }
  }

  @Test func stridesAndShapesOutsideTheStorage() {
    for (offset, shape, strides) in [
      ("1", ["4"], ["1"]), ("-1", ["1"], ["1"]), ("4", ["1"], ["1"]), ("0", ["2"], ["4"]), ("0", ["2"], ["-1"]),
      ("0", ["-1"], ["1"]),
      ("0", ["2"], []), ("0", ["3"], ["9223372036854775807"]), ("9223372036854775807", ["2"], ["1"]),
      ("0", ["2", "2"], ["9223372036854775807", "1"]), ("99999999999999999999", ["1"], ["1"]),
      ("0", ["9223372036854775807", "2"], ["0", "0"]), ("0", ["1000000"], ["0"]),
      ("0", ["2", "0", "9223372036854775807"], ["0", "0", "0"]),
    ] {
      #expect(throws: FileFormatError.self, "\(offset) \(shape) \(strides)") { try tensor(offset, shape, strides) }
    }
    #expect(throws: FileFormatError.self) { try tensor("0", ["1"], ["1"], count: "5") }
    #expect(throws: FileFormatError.self) { try tensor("0", ["1"], ["1"], count: "9223372036854775807") }
    #expect(throws: FileFormatError.self) { try tensor("0", ["1"], ["1"], type: "Double") }
    #expect(throws: FileFormatError.self) { try tensor("0", ["1"], ["1"], type: "ComplexFloat") }
    // Negated when it is read.
    #expect(throws: FileFormatError.self) { try tensor("0", ["1"], ["1"], more: "I00\n}}U\u{3}negI01\ns") }
  }

  private func refuses(_ pickle: String, _ found: String) {
    #expect(refusal(FileFormatError.self) { try stream(pickle) }.contains(found))
  }

  @Test(arguments: [
    ("cos\nsystem\n(U\u{4}truetR.", "the global os.system"), ("c__builtin__\neval\n.", "the global __builtin__.eval"),
    ("]p0\ng0\na.", "nested deeper than 64"), ("0.", "an empty stack"), (".", "an empty stack"), ("](NNs.", "an empty stack"),
    ("(1t.", "no mark"), ("}NNNu.", "no mark"), ("}(Nu.", "keys without values"), ("]NNs.", "keys without values"),
    ("}Na.", "elements for something else"), ("g7\n.", "no value 7"), ("NNR.", "a call"), ("NQ.", "a persistent value"),
    ("(NtQ.", "a persistent value"), ("P1\n.", "the instruction 0x50"), ("c", "no end of a line"),
    ("X\u{7f}\u{7f}\u{7f}\u{7f}.", "the file is cut off"), ("", "the file is cut off"),
  ]) func damagedPickles(pickle: String, found: String) { refuses(pickle, found) }

  @Test func nestingRepetitionAndLengthAreBounded() {
    refuses(String(repeating: "(", count: 100_000) + String(repeating: "t", count: 100_000) + ".", "nested deeper than 64")
    refuses("]p0\n" + (0..<50).map { "(g\($0)\ng\($0)\nlp\($0 + 1)\n" }.joined() + ".", "many times")
    refuses(String(repeating: "N0", count: 1 << 20) + "N.", "more than 2097152 instructions")
  }

  @Test func numbersAndTextAreNoArrays() throws {
    #expect(try stream("}U\u{1}aI3\nsU\u{1}bNs.").isEmpty)
  }

  // MARK: Real files

  /// The authors' weights, whose copy was made with PyTorch and NumPy; a training on several devices put `module.` before each name.
  @Test(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data")) func realStream() throws {
    let folder = dataFolder
    let arrays = try readArrays(folder + "/original-containers/ista-net-plus_25.pkl")
    let copies = try readArrays(folder + "/block-cs/checkpoints/ista-net-plus_25.npz")
    #expect(arrays.count == 72 && arrays.map(\.name) == copies.map { "module." + $0.name })
    for (array, copy) in zip(arrays, copies) { #expect(identical(array.value.stored, copy.value.stored), "\(array.name)") }
  }

  /// A zip archive without a word on the order of bytes: 94 tensors, those of the stages in the same 8 storages.
  @Test(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data")) func realArchive() throws {
    let folder = dataFolder
    let arrays = try readArrays(folder + "/original-containers/admm-csnet_1d_20.pth")
    let copies = try readArrays(folder + "/mri/checkpoints/admm-csnet_1d_20.npz")
    #expect(arrays.count == 94 && arrays.prefix(3).map(\.name) == ["rho", "gamma", "re_org_layer.rho"])
    #expect(arrays.first { $0.name == "cs_net.2.pwl.slopes" }?.value.shape == [128, 102])
    for copy in copies {
      let array = try #require(arrays.first { $0.name == copy.name }, "\(copy.name)")
      #expect(identical(array.value.stored, copy.value.stored), "\(copy.name)")
    }
  }
}
