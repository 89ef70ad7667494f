// SPDX-License-Identifier: Apache-2.0
import Experiments
import FileFormats
import Foundation
import Operators
import Tensors
import TestSupport
import Testing
import Training

@Suite struct ArrayFileTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  /// A checkpoint of a training, written down in the text instructions of PyTorch's stream: the weights, and where the training stands.
  @Test(arguments: [["state_dict"], ["model", "module"], ["params"]]) func weightsWithinACheckpoint(place: [String]) throws {
    func text(_ word: String) -> String { "U" + String(UnicodeScalar(UInt8(word.utf8.count))) + word }
    let storage = "(U\u{7}storagectorch\nByteStorage\nU\u{1}0U\u{3}cpuL4L\ntQ"
    let tensor = "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + "L0L\n(L4L\nt(L1L\nttR"
    let weights = "}" + text((place.dropFirst() + ["w"]).joined(separator: ".")) + tensor + "s"
    let pickle = "}" + text(place[0]) + weights + "s" + text("optimizer") + "}" + text("w") + tensor + "ss."
    let path = folder.file("a.pt")
    let stream = "L119547037146038801333356L\n.I1001\n.}." + pickle + "(U\u{1}0l."
    try (Data(stream.utf8) + Data([4, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4])).write(to: URL(fileURLWithPath: path))
    let (read, remarks) = try Remarks.collected { try Weights(anyFile: path) }
    #expect(read.parameters.map(\.name) == ["w"] && read.parameters[0].value.doubles == [1, 2, 3, 4])
    #expect(
      remarks == ["\(path): the weights are read from “\(place.joined(separator: "."))”, 1 arrays beside it are passed over"])
  }

  /// Trained matrices and Q_init, which is fitted, lose their last bits by `--half`; operators that are given and single numbers keep those of
  /// single precision. Half precision has 10 bits behind the point: 1 + 2⁻¹¹ + 2⁻²⁰ is 1 + 2⁻¹⁰ there, and itself in single.
  @Test func halfPrecisionIsForWhatIsTrained() throws {
    let value = 1 + 0x1p-11 + 0x1p-20
    let names = ["stages.0.weight", "operator.initial", "operator.matrix", "stages.0.threshold"]
    let whole = Tensor([value, 2], shape: [1, 2])
    let tensors = names.map { NamedParameter(name: $0, value: $0.hasSuffix("threshold") ? Tensor([value, 2]) : whole) }
    try SafeTensors(tensors: tensors).write(to: folder.file("whole.safetensors"))
    let conversion = try FileConversion(folder.file("whole.safetensors"), to: folder.file("half.safetensors"), half: true)
    #expect(conversion.lost == ["the last bits of trained matrices, now half precision"])
    let read = try SafeTensors(contentsOf: folder.file("half.safetensors"))
    let rounded = 1 + 0x1p-10
    for (name, first) in zip(names, [rounded, rounded, value, value]) {
      #expect(read[name]?.doubles == [first, 2], "\(name)")
    }
  }

  /// BART counts the first dimension fastest: x, y, z, coils of MATLAB stand in reverse unless the order is kept.
  @Test func ordersOfBART() throws {
    let array = Tensor((0..<24).map(Double.init), shape: [2, 3, 1, 4])
    try MATFile.write([NamedArray(name: "k", value: array)], to: folder.file("k.mat"))
    let plain = try FileConversion(folder.file("k.mat"), to: folder.file("a.cfl"))
    let kept = try FileConversion(folder.file("k.mat"), to: folder.file("b.cfl"), keepingOrder: true)
    #expect(plain.bartDimensions == [4, 1, 3, 2] && kept.bartDimensions == [2, 3, 1, 4])
    let numbers = try BARTFile.read(folder.file("b.cfl"))
    #expect(numbers.shape == [4, 1, 3, 2] && numbers.real.doubles.prefix(2) == [0, 12])
    _ = try FileConversion(folder.file("b.cfl"), to: folder.file("c.mat"), keepingOrder: true)
    #expect(try MATFile.read(folder.file("c.mat"))[0].value.complex.real.doubles == array.doubles)
    #expect(throws: InputError.self) {
      try FileConversion(folder.file("k.mat"), to: folder.file("k.npy"), keepingOrder: true)
    }
  }

  /// Two sets of ESPIRiT's maps, as BART's ecalib writes them without -m1.
  @Test func twoSetsOfMaps() throws {
    let maps = Tensor((0..<96).map(Double.init), shape: [2, 2, 1, 4, 3, 2])
    try BARTFile.write(ComplexTensor(pairs: maps), to: folder.file("m.cfl"))
    let (read, remarks) = try Remarks.collected { try CoilSensitivities(file: folder.file("m.cfl")) }
    #expect(read.maps.shape == [2, 4, 3] && read.maps.pairs.doubles == (0..<48).map(Double.init))
    #expect(remarks.count == 1 && remarks[0].contains("2 sets of maps, the first is read"))
  }
}
