// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

/// `safetensors.numpy.save` of safetensors 0.8.0, numpy 2.4.6:
/// {'stages.0.stepSize': float64 0.1, 'a.weight': float32 [[0, .25, .5], [.75, 1, 1.25]], 'a.bias': float32 [1.5, −2.5],
/// 'z': float64 [[1e300, −0.0]]}.
private let fromPython = """
  AAEAAAAAAAB7InN0YWdlcy4wLnN0ZXBTaXplIjp7ImR0eXBlIjoiRjY0Iiwic2hhcGUiOltdLCJkYXRhX29mZnNldHMiOlswLDhdfSwieiI6eyJkdHlwZSI6IkY2
  NCIsInNoYXBlIjpbMSwyXSwiZGF0YV9vZmZzZXRzIjpbOCwyNF19LCJhLmJpYXMiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzJdLCJkYXRhX29mZnNldHMiOlsy
  NCwzMl19LCJhLndlaWdodCI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMiwzXSwiZGF0YV9vZmZzZXRzIjpbMzIsNTZdfX0gICAgICAgmpmZmZmZuT+cdQCIPOQ3
  fgAAAAAAAACAAADAPwAAIMAAAAAAAACAPgAAAD8AAEA/AACAPwAAoD8=
  """
/// `safetensors.torch.save` of torch 2.13.0: h float16 [1.5, −2, 65504], b bfloat16 [1.5, −3e38], i int32 [[−5], [2³¹−1]],
/// l int64 [2⁴⁰], u uint8 [0, 255], t bool [true, false], s int16 [−32768], e float32 of shape [0, 3]; metadata {'kind': 'tëst
/// "q"'}.
private let everyType = """
  4AEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJraW5kIjoidMOrc3QgXCJxXCIifSwibCI6eyJkdHlwZSI6Ikk2NCIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6
  WzAsOF19LCJlIjp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOlswLDNdLCJkYXRhX29mZnNldHMiOls4LDhdfSwiaSI6eyJkdHlwZSI6IkkzMiIsInNoYXBlIjpbMiwx
  XSwiZGF0YV9vZmZzZXRzIjpbOCwxNl19LCJiIjp7ImR0eXBlIjoiQkYxNiIsInNoYXBlIjpbMl0sImRhdGFfb2Zmc2V0cyI6WzE2LDIwXX0sImgiOnsiZHR5cGUi
  OiJGMTYiLCJzaGFwZSI6WzNdLCJkYXRhX29mZnNldHMiOlsyMCwyNl19LCJzIjp7ImR0eXBlIjoiSTE2Iiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbMjYs
  MjhdfSwidSI6eyJkdHlwZSI6IlU4Iiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbMjgsMzBdfSwidCI6eyJkdHlwZSI6IkJPT0wiLCJzaGFwZSI6WzJdLCJk
  YXRhX29mZnNldHMiOlszMCwzMl19fSAAAAAAAAEAAPv///////9/wD9i/wA+AMD/ewCAAP8BAA==
  """

@Suite struct SafeTensorsTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  private var sample: [NamedParameter] {
    [
      NamedParameter(name: "a.weight", value: Tensor([0, 0.25, 0.5, 0.75, 1, 1.25] as [Float], shape: [2, 3])),
      NamedParameter(name: "z", value: Tensor([1e300, -0.0] as [Double], shape: [1, 2])),
      NamedParameter(name: "a.bias", value: Tensor([1.5, -2.5] as [Float])),
      NamedParameter(name: "stages.0.stepSize", value: Tensor([0.1] as [Double], shape: [])),
    ]
  }

  /// Half precision by IEEE 754: 1 + 2⁻¹¹ lies half-way and goes to the even 1, 65 520 and more to infinity, 2⁻²⁵ to 0.
  @Test func roundsToHalfPrecisionWhereAsked() throws {
    let values: [Float] = [1, 1 + 1 / 2048, 1 + 3 / 2048, -2, 65504, 65520, 0x1p-25, 0x1p-24]
    var file = SafeTensors(tensors: [
      NamedParameter(name: "a", value: Tensor(values)), NamedParameter(name: "b", value: Tensor(values)),
    ])
    file.roundedToHalf = ["a"]
    let bytes = file.encoded()
    #expect(Array(bytes.suffix(16)) == [0, 0x3c, 0, 0x3c, 2, 0x3c, 0, 0xc0, 0xff, 0x7b, 0, 0x7c, 0, 0, 1, 0])
    let read = try SafeTensors(decoding: bytes, path: "half")
    #expect(read["a"]?.floats == [1, 1, 1 + 1 / 512, -2, 65504, .infinity, 0, 0x1p-24])
    #expect(read["b"]?.floats == values)
  }

  @Test func bytesEqualThoseOfTheReferenceWriter() {
    #expect(SafeTensors(tensors: sample).encoded() == bytes(fromPython))
    #expect(SafeTensors(tensors: sample.reversed()).encoded() == bytes(fromPython))
  }

  @Test func readsEveryElementType() throws {
    let file = try SafeTensors(decoding: bytes(everyType), path: "types")
    #expect(file.metadata == ["kind": "tëst \"q\""])
    #expect(file.tensors.count == 8)
    let expected: [(String, Tensor)] = [
      ("h", Tensor([1.5, -2, 65504] as [Float])), ("i", Tensor([-5, 2_147_483_647] as [Double], shape: [2, 1])),
      ("b", Tensor([1.5, Float(bitPattern: 0xff62_0000)] as [Float])), ("l", Tensor([1_099_511_627_776] as [Double])),
      ("u", Tensor([0, 255] as [Float])), ("t", Tensor([1, 0] as [Float])), ("s", Tensor([-32768] as [Float])),
      ("e", Tensor([] as [Float], shape: [0, 3])),
    ]
    for (name, value) in expected { #expect(identical(try #require(file[name]), value), "\(name)") }
    #expect(file["missing"] == nil)
  }

  @Test func writtenThenReadIsBitExact() throws {
    let single: [Float] = [.nan, .infinity, -.infinity, .leastNonzeroMagnitude, -0.0, .pi]
    var file = SafeTensors(
      tensors: [
        NamedParameter(name: "\"quoted\"\n\u{1}", value: Tensor(single, shape: [1, 2, 3, 1])),
        NamedParameter(name: "empty", value: Tensor([] as [Double], shape: [3, 0])),
        NamedParameter(name: "d", value: Tensor([.nan, .ulpOfOne, .greatestFiniteMagnitude, -.leastNonzeroMagnitude] as [Double])),
      ], metadata: ["b": "", "a": "∀ \\ \u{1F600}"])
    let path = folder.file("weights.safetensors")
    try file.write(to: path)
    let read = try SafeTensors(contentsOf: path)
    #expect(read.metadata == file.metadata)
    for tensor in file.tensors { #expect(identical(try #require(read[tensor.name]), tensor.value)) }
    file.tensors.reverse()
    #expect(file.encoded() == (try Data(contentsOf: URL(fileURLWithPath: path))))
    #expect(read.encoded() == file.encoded())
  }

  @Test func whatCannotBeStoredIsRefused() {
    let path = folder.file("a.safetensors")
    for tensors in [
      [NamedParameter(name: "a", value: .zero)], [NamedParameter(name: "__metadata__", value: Tensor([1]))],
      [NamedParameter(name: "a", value: Tensor([1])), NamedParameter(name: "a", value: Tensor([2]))],
    ] {
      #expect(throws: FileFormatError.self) { try SafeTensors(tensors: tensors).write(to: path) }
    }
    #expect(folder.names.isEmpty)
  }

  @Test(arguments: [
    ##"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"##,  // the size product overflows
    ##"{"a":{"dtype":"F32","shape":[4611686018427387904,4,0],"data_offsets":[0,0]}}"##,
    ##"{"a":{"dtype":"F32","shape":[1000000000],"data_offsets":[0,8]}}"##,  // more than there is
    ##"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}"##,  // less than there is
    ##"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"##,
    ##"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"##,
    ##"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"##,  // overlap
    ##"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"##,  // gap
    ##"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"##,
    ##"{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}"##, ##"{"a":{"dtype":"F32","shape":[2]}}"##, ##"[]"##, ##"{"a":1}"##,
    ##"{"__metadata__":{"a":1}}"##, ##"{"a":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}"##, ##"{} {}"##, ##"{"\ud800":{}}"##, "",
  ]) func damagedHeadersAreErrors(header: String) {
    var file = Data(withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) })
    file += Data(header.utf8) + Data(count: 8)
    #expect(refusal(FileFormatError.self) { try SafeTensors(decoding: file, path: "x.safetensors") }.hasPrefix("x.safetensors: "))
  }

  @Test func aHeaderLongerThanTheFileIsAnError() {
    #expect(throws: FileFormatError.self) { try SafeTensors(decoding: Data(repeating: 0xff, count: 64), path: "x") }
    #expect(throws: FileFormatError.self) { try SafeTensors(contentsOf: folder.file("missing")) }
    #expect(throws: FileFormatError.self) { try SafeTensors(contentsOf: folder.path) }
    #expect(throws: FileFormatError.self) { try SafeTensors(contentsOf: "/dev/zero") }
  }
}
