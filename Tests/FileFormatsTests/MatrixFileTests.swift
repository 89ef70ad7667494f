// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

/// A of ``SparseFixture``, its numbers and where they are.
private let numbers: [Double] = [0, 1.5, 0, 0, 2, 0, -3, 0, 0, 0, 0, 0.25]
private let starts = [0, 1, 3, 4]
private let columns: [Int32] = [1, 0, 2, 3]
private let values: [Double] = [1.5, 2, -3, 0.25]

extension Folder {
  fileprivate func matrix(_ base64: String, _ name: String, variable: String? = nil) throws -> MatrixContents {
    try MatrixFile.read(write(base64, as: name), variable: variable)
  }

  fileprivate func text(_ text: String) -> String {
    try! Data(text.utf8).write(to: URL(fileURLWithPath: file("a.mtx")))
    return file("a.mtx")
  }
}

private func sparse(_ contents: MatrixContents) -> SparseArray? { if case .sparse(let array) = contents { array } else { nil } }
private func dense(_ contents: MatrixContents) -> Tensor? { if case .dense(let array) = contents { array.real } else { nil } }

@Suite struct MatrixFileTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  /// Holds a matrix to A, entry by entry.
  private func expectA(_ contents: MatrixContents, _ precision: Precision = .double) throws {
    let array = try #require(sparse(contents))
    #expect(array.rows == 3 && array.columns == 4 && array.rowStarts == starts && array.columnIndices == columns)
    #expect(identical(array.values, Tensor(values, precision: precision)) && array.entryCount == 4)
    #expect(identical(array.dense, Tensor(numbers, shape: [3, 4], precision: precision)))
    #expect(contents.shape == [3, 4] && contents.precision == precision)
  }

  @Test func archivesOfSciPy() throws {
    try expectA(folder.matrix(SparseFixture.csr, "a.npz"))
    try expectA(folder.matrix(SparseFixture.csrUnicode, "a.npz"))
    try expectA(folder.matrix(SparseFixture.cscSingle, "a.npz"), .single)
    let sum = try #require(try sparse(folder.matrix(SparseFixture.coo, "a.npz")))
    #expect(identical(sum.dense, Tensor([0, 4, 0, 0, 4, 0, 0, 0, 0, 0, 0, 2] as [Double], shape: [3, 4])) && sum.entryCount == 3)
    #expect(try MatrixFile.contents(folder.write(SparseFixture.csr, as: "A.npz")).map(\.name) == ["A"])
    #expect(try readArrays(folder.file("A.npz")).map(\.value.shape) == [[3, 4]])
    for (fixture, word) in [(SparseFixture.bsr, "bsr"), (SparseFixture.dia, "dia"), (SparseFixture.complex, "complex")] {
      let line = refusal(FileFormatError.self) { try folder.matrix(fixture, "a.npz") }
      #expect(line.contains("found") && line.contains(word) && line.contains("expected"), "\(line)")
    }
  }

  @Test func variablesOfMATLAB() throws {
    try expectA(folder.matrix(SparseFixture.mat5, "a.mat", variable: "double"))
    try expectA(folder.matrix(SparseFixture.mat5, "a.mat", variable: "single"), .single)
    let logical = try #require(try sparse(folder.matrix(SparseFixture.mat5, "a.mat", variable: "logical")))
    #expect(logical.columnIndices == columns && identical(logical.values, Tensor([1, 1, 1, 1] as [Float])))
    #expect(try dense(folder.matrix(SparseFixture.mat5, "a.mat", variable: "b")) == Tensor([1, 2, 3], shape: [1, 3]))
    try expectA(folder.matrix(SparseFixture.mat5One, "a.mat"))
    try expectA(folder.matrix(SparseFixture.mat73, "a.mat", variable: "A"))
    #expect(try dense(folder.matrix(SparseFixture.mat73, "a.mat", variable: "D")) == Tensor(numbers, shape: [3, 4]))
    guard case .dense(.complex) = try folder.matrix(SparseFixture.mat5Complex, "a.mat") else {
      Issue.record("a complex sparse matrix is a full one here")
      return
    }
    let (full, remarks) = try Remarks.collected { try readArrays(folder.write(SparseFixture.mat73, as: "a.mat")) }
    #expect(full.first { $0.name == "A" }?.value.real == Tensor(numbers, shape: [3, 4]))
    #expect(remarks.contains { $0.hasSuffix("A is sparse, 3 × 4, and is read as a full array") }, "\(remarks)")
  }

  @Test func denseOnes() throws {
    let A = NamedArray(name: "A", value: Tensor(numbers, shape: [3, 4]))
    for name in ["A.npy", "A.npz", "A.mat", "A.h5", "A.safetensors"] {
      try writeArrays([A], to: folder.file(name))
      #expect(try MatrixFile.read(folder.file(name)) == .dense(A.value), "\(name)")
      #expect(try MatrixFile.read(folder.file(name), variable: "A") == .dense(A.value), "\(name)")
    }
  }

  @Test func whichOfSeveral() throws {
    try writeArrays(
      [NamedArray(name: "A", value: Tensor(numbers, shape: [3, 4])), NamedArray(name: "s", value: Tensor([2], shape: []))],
      to: folder.file("a.npz"))
    let line = refusal(FileFormatError.self) { try MatrixFile.read(folder.file("a.npz")) }
    #expect(line.hasSuffix("found A (3 × 4), s (a number); expected exactly one, name the one that is meant."), "\(line)")
    let other = refusal(FileFormatError.self) { try folder.matrix(SparseFixture.mat73, "a.mat", variable: "B") }
    #expect(other.contains("A (3 × 4, sparse)") && other.contains("expected one named B"), "\(other)")
    let number = refusal(FileFormatError.self) { try MatrixFile.read(folder.file("a.npz"), variable: "s") }
    #expect(number.contains("s: found the shape []; expected a matrix of at least one row and one column."), "\(number)")
  }

  @Test func numbersThatAreNotFinite() throws {
    try writeArrays(
      [
        NamedArray(name: "r", value: Tensor([1, 2, 3, .nan], shape: [2, 2])),
        NamedArray(name: "z", value: ComplexTensor(pairs: Tensor([1, 2, 3, .infinity, 5, 6, 7, 8], shape: [2, 2, 2]))),
        NamedArray(name: "e", value: Tensor([] as [Double], shape: [0, 2])),
      ], to: folder.file("a.npz"))
    for (name, expected) in [
      ("r", "r: found nan in row 2, column 2, counted from 1; expected finite numbers."),
      ("z", "z: found inf in row 1, column 2, counted from 1; expected finite numbers."),
      ("e", "e: found the shape [0, 2]; expected a matrix of at least one row and one column."),
    ] {
      let line = refusal(FileFormatError.self) { try MatrixFile.read(folder.file("a.npz"), variable: name) }
      #expect(line.hasSuffix(expected), "\(line)")
    }
  }

  // MARK: Archives that are wrong

  /// An archive like SciPy's, `format` in eight bytes.
  private func archive(_ format: String, _ arrays: [(String, [Double])]) throws -> String {
    var members: [(String, [UInt8])] = try arrays.map { name, numbers in
      try NPY.write(Tensor(numbers), to: folder.file("x.npy"))
      return (name, [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file("x.npy")))))
    }
    try NPY.write(Tensor([0], shape: []), to: folder.file("x.npy"))
    let empty = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file("x.npy"))))
    let header = String(decoding: empty.dropLast(8).dropFirst(10), as: UTF8.self).replacingOccurrences(of: "<f8", with: "|S8")
    let text = Array(format.utf8) + [UInt8](repeating: 0, count: 8 - format.utf8.count)
    members.append(("format", empty.prefix(10) + Array(header.utf8) + text))
    let path = folder.file("a.npz")
    try Data(zip(members.map { ($0.0 + ".npy", $0.1) })).write(to: URL(fileURLWithPath: path))
    return path
  }

  /// A zip archive of stored members.
  private func zip(_ members: [(String, [UInt8])]) -> [UInt8] {
    func bytes(_ value: Int, _ width: Int) -> [UInt8] { (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    var (file, directory) = ([UInt8](), [UInt8]())
    for (name, content) in members {
      var crc = UInt32.max
      for byte in content {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
      }
      let common =
        bytes(20, 2) + bytes(0, 8) + bytes(Int(~crc), 4) + bytes(content.count, 4) + bytes(content.count, 4)
        + bytes(name.utf8.count, 2) + bytes(0, 2)
      directory += bytes(0x0201_4b50, 4) + bytes(20, 2) + common + bytes(0, 10) + bytes(file.count, 4) + Array(name.utf8)
      file += bytes(0x0403_4b50, 4) + common + Array(name.utf8) + content
    }
    let end = bytes(0x0605_4b50, 4) + bytes(0, 4) + bytes(members.count, 2) + bytes(members.count, 2)
    return file + directory + end + bytes(directory.count, 4) + bytes(file.count, 4) + bytes(0, 2)
  }

  @Test func archivesThatAreWrong() throws {
    func line(
      _ format: String = "csr", shape: [Double] = [3, 4], data: [Double] = values, indices: [Double] = columns.map(Double.init),
      indptr: [Double] = starts.map(Double.init), row: [Double] = [0, 1, 1, 2], leavesOut: String = ""
    ) throws -> String {
      let arrays = [
        ("shape", shape), ("data", data), ("indices", indices), ("indptr", indptr), ("row", row), ("col", indices),
      ].filter { $0.0 != leavesOut }
      let path = try archive(format, arrays)
      return refusal(FileFormatError.self) { try MatrixFile.read(path) }.replacingOccurrences(of: path + ": ", with: "")
    }
    #expect(try line() == "")
    try expectA(MatrixFile.read(folder.file("a.npz")))
    #expect(try line("coo") == "")
    try expectA(MatrixFile.read(folder.file("a.npz")))
    #expect(try line("csc", data: [2, 1.5, -3, 0.25], indices: [1, 0, 1, 2], indptr: [0, 1, 2, 3, 4]) == "")
    try expectA(MatrixFile.read(folder.file("a.npz")))
    #expect(try line("lil") == "found a sparse matrix of the format lil; expected csr, csc or coo, convert it with tocsr().")
    #expect(try line(shape: [3, 4, 5]) == "found a sparse array of 3 axes; expected a matrix of two.")
    #expect(try line(shape: [3, -4]) == "found a matrix of 3 × -4; expected at least one row and one column.")
    #expect(try line(shape: [0, 4]) == "found a matrix of 0 × 4; expected at least one row and one column.")
    #expect(try line(shape: [3, 4.5]) == "found the size 4.5; expected a whole number, the file is damaged.")
    #expect(try line(shape: [1e12, 4]).contains("found a matrix of 1000000000000 × 4 in"))
    #expect(try line(shape: [2e9, 2e9]).contains("bytes, which is not possible; the file is damaged."))
    #expect(try line(shape: [1e300, 4]).contains("found the size 1e+300"))
    #expect(try line(indices: [1, 0, 2, 4]) == "found column 4 of entry 4; expected 0 to 3, the file is damaged.")
    #expect(try line(indices: [-1, 0, 2, 3]) == "found column -1 of entry 1; expected 0 to 3, the file is damaged.")
    #expect(try line(indices: [1, 0.5, 2, 3]) == "found column 0.5 of entry 2; expected 0 to 3, the file is damaged.")
    #expect(try line(indices: [1, .nan, 2, 3]) == "found column nan of entry 2; expected 0 to 3, the file is damaged.")
    #expect(
      try line(indptr: [0, 3, 1, 4])
        == "found row starts that fall from 3 to 1 at row 2; expected that they rise, the file is damaged.")
    #expect(try line(indptr: [0, 1, 3]) == "found 3 row starts from 0 on; expected 4 from 0 on, the file is damaged.")
    #expect(try line(indptr: [1, 1, 3, 4]) == "found 4 row starts from 1 on; expected 4 from 0 on, the file is damaged.")
    #expect(
      try line(indptr: [0, 1, 3, 9])
        == "found 4 entries; expected 9 as the row starts say, the file is cut off or damaged.")
    #expect(
      try line("csc", indices: [1, 0, 1, 2], indptr: [0, 1, 2, 3, 9])
        == "found 4 entries; expected 9 as the column starts say, the file is cut off or damaged.")
    #expect(
      try line("csc", indices: [1, 0, 1, 3], indptr: [0, 1, 2, 3, 4])
        == "found row 3 of entry 4; expected 0 to 2, the file is damaged.")
    #expect(try line(indptr: [0, 1, 3, .infinity]) == "found the row start inf; expected a whole number, the file is damaged.")
    #expect(try line(data: [1.5, 2, .nan, 0.25]) == "found nan in row 2, column 3, counted from 1; expected finite numbers.")
    #expect(try line(data: [1.5, 2, -3]) == "found 3 entries; expected 4 as the row starts say, the file is cut off or damaged.")
    #expect(
      try line("coo", row: [0, 1, 1]) == "found 3 rows, 4 columns and 4 values; expected as many of each, the file is damaged.")
    #expect(try line("coo", row: [0, 1, 3, 2]) == "found row 3 of entry 3; expected 0 to 2, the file is damaged.")
    #expect(try line("coo", leavesOut: "col") == "found 0 arrays col; expected one of a sparse matrix, save it with save_npz.")
  }

  /// Two arrays that happen to be called so are no sparse matrix.
  @Test func arraysCalledFormatAndShape() throws {
    let arrays = ["format", "shape"].map { NamedArray(name: $0, value: Tensor([1, 2])) }
    try NPZ.write(arrays, to: folder.file("a.npz"))
    #expect(try readArrays(folder.file("a.npz")) == arrays)
    #expect(try MatrixFile.contents(folder.file("a.npz")).count == 2)
  }

  @Test func filesThatAreCutOff() throws {
    for (fixture, name) in [(SparseFixture.csr, "a.npz"), (SparseFixture.mat5, "a.mat"), (SparseFixture.mtxGzip, "a.mtx.gz")] {
      let whole = bytes(fixture)
      for count in stride(from: 0, to: whole.count, by: 7) {
        let path = folder.file(name)
        try whole.prefix(count).write(to: URL(fileURLWithPath: path))
        // A MATLAB file that ends between two variables has the first ones.
        let line = refusal(FileFormatError.self) { try MatrixFile.read(path) }
        #expect(!line.isEmpty || name == "a.mat", "\(name), \(count) of \(whole.count) bytes")
      }
    }
  }

  /// The numbers of a MATLAB 5 file's sparse matrix, changed where they lie.
  @Test func variablesThatAreWrong() throws {
    let whole = [UInt8](bytes(SparseFixture.mat5One))
    func place(_ numbers: [Int32]) throws -> Int {
      let pattern = numbers.flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
      return try #require((0..<whole.count - pattern.count).first { whole[$0..<$0 + pattern.count].elementsEqual(pattern) })
    }
    func line(_ position: Int, _ bytes: [UInt8]) throws -> String {
      var changed = whole
      changed.replaceSubrange(position..<position + bytes.count, with: bytes)
      let path = folder.file("a.mat")
      try Data(changed).write(to: URL(fileURLWithPath: path))
      return refusal(FileFormatError.self) { try MatrixFile.read(path) }.replacingOccurrences(of: path + ": ", with: "")
    }
    let (rows, starts) = (try place([1, 0, 1, 2]), try place([0, 1, 2, 3, 4]))
    #expect(try line(0, [0x4d]) == "")
    #expect(try line(rows + 4, [3]) == "A: found row 3 of entry 2; expected 0 to 2, the file is damaged.")
    #expect(
      try line(starts + 4, [4])
        == "A: found column starts that fall from 4 to 2 at column 2; expected that they rise, the file is damaged.")
    #expect(
      try line(starts + 16, [200]) == "A: found 4 entries; expected 200 as the column starts say, the file is cut off or damaged.")
    #expect(try line(place([3, 4]), [0]).contains("A: found row 1 of entry 1"))
    #expect(try line(place([3, 4]), [0, 0, 0, 0x7f]).contains("A: found a matrix of 2130706432 × 4 in"))
    // 1.5 is stored second; its last two bytes make it infinite.
    let second = try place([0, 0x3ff8_0000]) + 6
    #expect(try line(second, [0xf0, 0x7f]) == "A: found inf in row 1, column 2, counted from 1; expected finite numbers.")
  }
}

@Suite struct MatrixMarketTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  /// `scipy.io.mmwrite` of each, and what it was given.
  static let written: [(text: String, shape: [Int], numbers: [Double])] = [
    ("coordinate real general\n%\n3 4 4\n1 2 1.5\n2 1 2\n2 3 -3\n3 4 2.5E-1\n", [3, 4], numbers),
    ("coordinate pattern general\n%\n3 4 4\n1 2\n2 1\n2 3\n3 4\n", [3, 4], numbers.map { $0 == 0 ? 0 : 1 }),
    ("coordinate integer general\n%\n2 2 3\n1 1 1\n2 1 -7\n2 2 3\n", [2, 2], [1, 0, -7, 3]),
    (
      "coordinate real symmetric\n%\n3 3 5\n1 1 2\n2 1 -1\n2 2 2\n3 2 5E-1\n3 3 1E-3\n", [3, 3],
      [2, -1, 0, -1, 2, 0.5, 0, 0.5, 1e-3]
    ),
    ("coordinate real skew-symmetric\n%\n3 3 2\n2 1 1\n3 2 -5E-1\n", [3, 3], [0, -1, 0, 1, 0, 0.5, 0, -0.5, 0]),
    (
      "coordinate real general\n%\n1 2 2\n1 1 3.1415926535897934e-30\n1 2 3.3333333333333331e-01\n", [1, 2],
      [Double.pi * 1e-30, 1.0 / 3]
    ),
    ("array real general\n%\n3 4\n0\n2\n0\n1.5\n0\n0\n0\n-3\n0\n0\n0\n2.5E-1\n", [3, 4], numbers),
    ("array real symmetric\n%\n3 3\n2\n-1\n0\n2\n5E-1\n1E-3\n", [3, 3], [2, -1, 0, -1, 2, 0.5, 0, 0.5, 1e-3]),
    ("array real skew-symmetric\n%\n3 3\n1\n0\n-5E-1\n", [3, 3], [0, -1, 0, 1, 0, 0.5, 0, -0.5, 0]),
  ]

  @Test(arguments: written) func whatSciPyWrites(text: String, shape: [Int], expected: [Double]) throws {
    let path = folder.text("%%MatrixMarket matrix " + text)
    #expect(try FileKind.detect(path) == .matrixMarket)
    let read = try MatrixFile.read(path)
    let isArray = text.hasPrefix("array")
    #expect((sparse(read) == nil) == isArray)
    #expect(identical(try #require(dense(read) ?? sparse(read)?.dense), Tensor(expected, shape: shape)))
    #expect(try readArrays(path).map(\.value.stored) == [dense(read) ?? sparse(read)?.dense])
  }

  @Test func gzipBlankLinesAndEntriesThatOccurTwice() throws {
    let packed = try folder.write(SparseFixture.mtxGzip, as: "A.mtx.gz")
    #expect(try FileKind.detect(packed) == .matrixMarket)
    #expect(try sparse(MatrixFile.read(packed))?.dense == Tensor(numbers, shape: [3, 4]))
    #expect(try MatrixFile.contents(packed).map(\.name) == ["A"])
    let twice = folder.text("%%matrixmarket MATRIX Coordinate Real General\n% a\n\n%b\n 2\t2 3 \r\n\n2 1 1\r\n1 2 5\n2 1 2.5")
    let array = try #require(try sparse(MatrixFile.read(twice)))
    #expect(array.rowStarts == [0, 1, 2] && array.columnIndices == [1, 0] && array.values.doubles == [5, 3.5])
  }

  /// Every way to write a number gives the double that is nearest.
  @Test(arguments: [
    "0", "-0", "+1", "1.", ".5", "00012", "123456789012345", "1234567890123456789", "0.1", "1e22", "1e23", "1E-22",
    "9007199254740993", "2.2250738585072014e-308", "1.7976931348623157E308", "5e-324", "1e-400", "0.30000000000000004",
    "3.1415926535897932384626433832795", "-7.2057594037927933e16", "4.35", "8.41e-21", "1e+05",
  ]) func decimals(number: String) throws {
    let path = folder.text("%%MatrixMarket matrix array real general\n1 1\n\(number)\n")
    #expect(try dense(MatrixFile.read(path))?.doubles[0].bitPattern == Double(number)?.bitPattern)
  }

  @Test func filesThatAreWrong() {
    func line(_ header: String, _ body: String) -> String {
      let path = folder.text("%%MatrixMarket " + header + "\n" + body)
      return refusal(FileFormatError.self) { try MatrixFile.read(path) }.replacingOccurrences(of: path + ": ", with: "")
    }
    let plain = "matrix coordinate real general"
    #expect(line(plain, "2 2 1\n1 1 1\n") == "")
    #expect(
      line("vector coordinate real general", "")
        == "line 1: found %%matrixmarket vector coordinate real general; expected %%MatrixMarket matrix, coordinate or array, field, "
        + "symmetry.")
    #expect(
      line("matrix coordinate complex general", "")
        == "line 1: found the field complex of coordinate; expected real, integer or, of coordinate, pattern, convert the matrix.")
    #expect(line("matrix array pattern general", "").contains("line 1: found the field pattern of array"))
    #expect(
      line("matrix coordinate real hermitian", "")
        == "line 1: found the symmetry hermitian; expected general, symmetric or skew-symmetric, convert the matrix.")
    #expect(line(plain, "2 2\n1 1 1\n") == "line 2: found the sizes 2 2; expected rows, columns and entries.")
    #expect(line(plain, "2 2 x\n1 1 1\n") == "line 2: found the sizes 2 2 x; expected rows, columns and entries.")
    #expect(line(plain, "% no more\n") == "line 2: found no sizes; expected rows, columns and entries.")
    #expect(line(plain, "-2 2 1\n1 1 1\n") == "found a matrix of -2 × 2; expected at least one row and one column.")
    #expect(line(plain, "0 0 0\n") == "found a matrix of 0 × 0; expected at least one row and one column.")
    #expect(line(plain, "2 2 -1\n") == "line 2: found -1 entries; expected their number.")
    #expect(line(plain, "2000000000 2 1\n1 1 1\n").contains("found a matrix of 2000000000 × 2 in 67 bytes, which is not possible"))
    #expect(line(plain, "999999999999999999 999999999999999999 1\n1 1 1\n").contains("which is not possible"))
    #expect(line(plain, "2 2 99999999999999999999 \n").contains("found the sizes"))
    #expect(
      line(plain, "2 2 900000000000000000\n1 1 1\n")
        == "found 1 entries; expected 900000000000000000 as the sizes say, the file is cut off or damaged.")
    #expect(line(plain, "2 2 2\n1 1 1\n") == "found 1 entries; expected 2 as the sizes say, the file is cut off or damaged.")
    #expect(
      line(plain, "2 2 1\n1 1 1\n2 2 2\n") == "line 4: found more than the 1 entries that the sizes say; the file is damaged.")
    #expect(line(plain, "2 2 1\n0 1 1\n") == "line 3: found row 0, column 1; expected rows from 1 to 2 and columns from 1 to 2.")
    #expect(line(plain, "2 2 1\n1 3 1\n") == "line 3: found row 1, column 3; expected rows from 1 to 2 and columns from 1 to 2.")
    #expect(line(plain, "2 2 1\n1 1\n") == "line 3: found 1 1; expected row, column and value.")
    #expect(line(plain, "2 2 1\n1 1 2 3\n") == "line 3: found 1 1 2 3; expected row, column and value.")
    #expect(line(plain, "2 2 1\n1 1 1.5D0\n") == "line 3: found 1.5D0 in row 1, column 1; expected a number.")
    #expect(line(plain, "2 2 1\n1 2 nan\n") == "line 3: found nan in row 1, column 2; expected finite numbers.")
    #expect(line(plain, "2 2 1\n1 2 -1e999\n") == "line 3: found -inf in row 1, column 2; expected finite numbers.")
    #expect(
      line(plain, "2 2 2\n1 2 1e308\n1 2 1e308\n") == "found inf in row 1, column 2, counted from 1; expected finite numbers.")
    #expect(
      line("matrix coordinate real symmetric", "2 3 1\n1 1 1\n")
        == "line 2: found a symmetric matrix of 2 × 3; expected as many rows as columns.")
    #expect(
      line("matrix coordinate real symmetric", "2 2 1\n1 2 1\n")
        == "line 3: found row 1, column 2; expected entries below the diagonal, the others follow by symmetry.")
    #expect(line("matrix coordinate real skew-symmetric", "2 2 1\n1 1 1\n").contains("expected entries below the diagonal"))
    #expect(line("matrix coordinate pattern general", "2 2 1\n1 1 1\n") == "line 3: found 1 1 1; expected row, column.")
    let full = "matrix array real general"
    #expect(
      line(full, "2 2\n1\n2\n3\n")
        == "line 2: found 6 bytes for a matrix of 2 × 2; expected a number a line, the file is cut off or damaged.")
    #expect(
      line(full, "2 2\n1.25\n2.25\n3.25\n") == "found 3 entries; expected 4 as the sizes say, the file is cut off or damaged.")
    #expect(line(full, "2 2\n1 2\n3 4\n") == "line 3: found 1 2; expected one number a line.")
    #expect(
      line(full, "1 1\n1\n2\n") == "line 4: found more than the 1 entries that the sizes say; the file is damaged.")
  }
}
