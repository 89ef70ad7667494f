// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors

/// A file format whose reader is tried, with small valid files to start from.
enum Format: String, CaseIterable {
  case npy, npz, safetensors, events, cfl, nifti, png, jpeg, tiff, mat5, mat73, hdf5, fastmri, ismrmrd, dicom, mtx
  case sparseNPZ = "sparse-npz"
  case torchStream = "torch-stream"
  case torchZip = "torch-zip"
  case niftiPair = "nifti-pair"

  /// Reads one input and checks that what it gives is consistent. Throws only the reader's own error.
  func read(_ input: Data, file: String) throws {
    switch self {
    case .npy: check(try NPY.read(decoding: input, path: "input"))
    case .npz: for array in try NPZ.read(decoding: input, path: "input") { check(array.value) }
    case .safetensors: for tensor in try SafeTensors(decoding: input, path: "input").tensors { check(.real(tensor.value)) }
    case .torchStream, .torchZip: for array in try TorchFile.read(decoding: input, path: "input") { check(array.value) }
    case .events: _ = try EventFile.read(decoding: input, path: "input")
    case .cfl:  // a header, a zero byte, the numbers
      let end = input.firstIndex(of: 0) ?? input.endIndex
      check(.complex(try BARTFile.read(header: input[..<end], numbers: Data(input[end...].dropFirst()), path: "input")))
    case .dicom:
      let series = try DICOM(decoding: input, path: "input")
      check(.real(series.values))
      if series.frames.count == 1 { _ = try series.image(path: "input") }
    case .nifti: check(try NIfTI(decoding: input, path: "input").values)
    case .niftiPair:  // the header's 348 bytes, the numbers
      try write(Data(input.prefix(348)), file + ".hdr")
      try write(Data(input.dropFirst(348)), file + ".img")
      check(try NIfTI(contentsOf: file + ".img").values)
    case .png, .jpeg, .tiff:
      try write(input, file)
      for image in try readImagePages(file) {
        precondition(image.width > 0 && image.height > 0 && image.values.count == image.width * image.height * image.channels)
        precondition(image.grayscale.count == image.width * image.height)
      }
    case .mat5, .mat73:
      try write(input, file)
      _ = try MATFile.variables(file)
      for matrix in try MatrixFile.contents(file) { check(matrix.contents) }
    case .sparseNPZ:
      try write(input, file)
      for matrix in try MatrixFile.contents(file) { check(matrix.contents) }
    case .mtx: check(try MatrixMarket.read(decoding: input, path: "input"))
    case .hdf5: for array in try HDF5File(decoding: input, path: "input").arrays { check(array.value) }
    case .fastmri:
      try write(input, file)
      let volume = try FastMRIFile(contentsOf: file)
      for slice in 0..<min(volume.sliceCount, 3) {
        check(.complex(try volume.kSpace(slice: slice)))
        if let image = try volume.reconstruction(slice: slice) { check(.real(image)) }
      }
    case .ismrmrd:
      try write(input, file)
      for array in try ISMRMRDFile(contentsOf: file, removingOversampling: true).arrays { check(array.value) }
    }
  }

  private func check(_ array: NumericArray) {
    let count: Int =
      switch array {
      case .real(let x): x.count
      case .complex(let z): z.count
      }
    precondition(array.shape.reduce(1, *) == count, "the shape \(array.shape) of \(count) elements")
  }

  private func check(_ contents: MatrixContents) {
    guard case .sparse(let array) = contents else {
      if case .dense(let array) = contents { check(array) }
      return
    }
    precondition(
      array.rows > 0 && array.columns > 0 && array.rowStarts.count == array.rows + 1 && array.rowStarts[0] == 0
        && array.rowStarts[array.rows] == array.entryCount && array.values.shape == [array.entryCount] && array.values.isFinite
        && zip(array.rowStarts, array.rowStarts.dropFirst()).allSatisfy { $0 <= $1 }
        && array.columnIndices.allSatisfy { $0 >= 0 && $0 < array.columns },
      "a sparse matrix of \(array.rows) × \(array.columns) that does not fit together")
  }

  private func write(_ input: Data, _ file: String) throws {
    unlink(file)  // a new file each time: truncating one makes some file systems wait for the disk
    let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    defer { close(descriptor) }
    let written = input.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
    precondition(written == input.count, "cannot write \(file)")
  }

  /// Small files made by this package's own writers, where it has one.
  func samples(in folder: String) throws -> [Data] {
    let real = Tensor([1, -0.5, .nan, 3, 1e30, 0] as [Double], shape: [2, 3])
    let arrays = [
      NamedArray(name: "a", value: real), NamedArray(name: "net.w", value: real.converted(to: .single)),
      NamedArray(name: "z", value: ComplexTensor(pairs: real.reshaped([3, 1, 2]))),
      NamedArray(name: "empty", value: Tensor([] as [Double], shape: [0, 2])),
    ]
    let image = Image(values: Tensor((0..<3 * 12 * 10).map { Double($0 % 37) / 36 }, shape: [3, 12, 10]))
    let gray = Image(values: image.values.row(0))
    func bytes(_ base64: String) -> Data { Data(base64Encoded: base64, options: .ignoreUnknownCharacters)! }
    func file(_ name: String, _ write: (String) throws -> Void) throws -> Data {
      let path = "\(folder)/\(name)"
      try write(path)
      defer { unlink(path) }
      return try Data(contentsOf: URL(fileURLWithPath: path))
    }
    switch self {
    case .npy: return try arrays.map { array in try file("a.npy") { try NPY.write(array.value, to: $0) } }
    case .npz: return [try file("a.npz") { try NPZ.write(arrays, to: $0) }]
    case .safetensors:
      let tensors = arrays.compactMap { array in array.value.real.map { NamedParameter(name: array.name, value: $0) } }
      return [
        SafeTensors(tensors: tensors, metadata: ["kind": "weights", "recipe": "{\"a\": [1, 2.5e-3, \"\\u00e9\"]}"]).encoded()
      ]
    case .torchStream: return [TorchSample.stream, TorchSample.stream4].map(bytes)
    case .torchZip: return [bytes(TorchSample.zip)]
    case .events:
      return [
        try file("e.tfevents") {
          let events = try EventFile($0)
          for step in 0..<5 { try events.add(tag: "loss", value: 1 / Double(step + 1), step: step, wallTime: 1.7e9) }
          try events.flush()
        }
      ]
    case .cfl:
      return try [[3, 1, 2], [2]].map { shape in
        let values = ComplexTensor(pairs: Tensor((0..<2 * shape.reduce(1, *)).map(Float.init), shape: shape + [2]))
        return try file("a.hdr") { try BARTFile.write(values, to: $0) } + [0] + file("a.cfl") { _ in }
      }
    case .dicom:
      let plain = bytes(DICOMSample.plain)
      // Without preamble and first group (144 bytes and what they say follows), and with bytes behind the pixels.
      let bare = plain.dropFirst(144 + Int(plain[140]) + Int(plain[141]) << 8)
      return [plain, bytes(DICOMSample.runLengths), Data(bare), plain + [0, 0, 7]]
    case .nifti:
      return try ["a.nii", "a.nii.gz"].map { name in
        var whole = try file(name) { try NIfTI(values: .real(real), voxelSize: [1, 2, 3]).write(to: $0) }
        if name == "a.nii" {  // with an extension, and bytes behind the numbers
          whole.replaceSubrange(348..<352, with: [1, 0, 0, 0, 16, 0, 0, 0, 6, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8])
          whole.replaceSubrange(108..<112, with: [0, 0, 0xb8, 0x43])  // 368
          whole += [0, 0]
        }
        return whole
      }
    case .niftiPair:  // of NIfTI, and of Analyze, which has no mark
      let whole = try file("a.nii") { try NIfTI(values: .real(real), voxelSize: [1, 2, 3]).write(to: $0) }
      return ["ni1\0", "\0\0\0\0"].map { mark in
        var header = whole.prefix(348)
        header.replaceSubrange(344..<348, with: Data(mark.utf8))
        header.replaceSubrange(108..<112, with: Data(count: 4))
        return header + whole.dropFirst(352)
      }
    case .png:
      return [
        try file("a.png") { try writePNG(image, to: $0) },
        ImageSample.withBlocks(try file("g.png") { try writePNG(gray, to: $0, bitDepth: 16) }),
      ]
    case .jpeg:
      let photograph = bytes(ImageSample.photograph) + [0xff, 0xd8, 7]
      return try [image, gray].map { image in try file("a.jpg") { try writeJPEG(image, to: $0) } } + [photograph]
    case .tiff:
      return try [8, 16, 32].flatMap { bits in
        try [image, gray].map { image in try file("a.tif") { try writeTIFF(image, to: $0, bitDepth: bits) } }
      } + [ImageSample.pages, ImageSample.palette].map(bytes)
    case .sparseNPZ: return [SparseSample.csr, SparseSample.coo].map(bytes)
    case .mtx:
      return [
        "%%MatrixMarket matrix coordinate real general\n% a comment\n3 4 5\n1 2 1.5\n2 1 2\n2 3 -3e-1\n3 4 2.5E-1\n2 1 1\n",
        "%%MatrixMarket matrix coordinate pattern symmetric\n3 3 2\n2 1\n3 3\n",
        "%%MatrixMarket matrix array integer skew-symmetric\n3 3\n1\n-2\n3\n",
      ].map { Data($0.utf8) } + [bytes(SparseSample.mtxGzip)]
    case .mat5, .mat73:
      let named = arrays.map { NamedArray(name: $0.name == "net.w" ? "w" : $0.name, value: $0.value) }
      let written = try file("a.mat") { try MATFile.write(named, to: $0, version: self == .mat5 ? .v5 : .v73) }
      return [written] + (self == .mat5 ? [SparseSample.mat5, SparseSample.mat4] : [HDF5Sample.mat73]).map(bytes)
    case .fastmri, .ismrmrd:
      let kSpace = ComplexTensor(pairs: Tensor((0..<2 * 24).map(Float.init), shape: [2, 2, 2, 3, 2]))
      let raw = ISMRMRDFile(kSpace: kSpace)
      if self == .ismrmrd { return [try file("a.h5") { try raw.write(to: $0) }] }
      return [
        try file("a.h5") {
          let images = Tensor.filled(1, shape: [2, 2, 2])
          try FastMRIFile.write(
            kSpace: kSpace, mask: Tensor([1, 0, 1] as [Double]), reconstruction: images, header: raw.header.xml, to: $0)
        }
      ]
    case .hdf5:
      let written = try file("a.h5") { try HDF5File(arrays: arrays, attributes: ["operator": "A", "seed": "1"]).write(to: $0) }
      return [written, bytes(HDF5Sample.links)]
    }
  }
}
