// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// Every numeric array of an NPY, NPZ, MAT, safetensors, HDF5, PyTorch, BART, NIfTI, DICOM or Matrix Market file; which one, the content says. The
/// array of a file that holds just one has the file's name without folder and extension. Sparse matrices are written out where
/// they are small enough; ``MatrixFile`` reads them as they are.
///
/// - Throws: ``FileFormatError``.
public func readArrays(_ path: String) throws -> [NamedArray] {
  switch try FileKind.detect(path) {
  case .npy: [NamedArray(name: fileTitle(path), value: try NPY.read(path))]
  case .npz, .mat4, .mat5, .mat73, .matrixMarket: try MatrixFile.contents(path).dense(path: path)
  case .safetensors: try SafeTensors(contentsOf: path).tensors.map { NamedArray(name: $0.name, value: .real($0.value)) }
  case .torch: try TorchFile.read(path)
  case .hdf5, .fastMRI: try HDF5File(contentsOf: path).arrays
  case .ismrmrd: try ISMRMRDFile(contentsOf: path).arrays
  case .bart: [NamedArray(name: fileTitle(path), value: try BARTFile.read(path))]
  case .dicom: [NamedArray(name: fileTitle(path), value: try DICOM(contentsOf: path).values)]
  case .nifti: [NamedArray(name: fileTitle(path), value: try NIfTI(contentsOf: path).values)]
  case let kind:
    throw FileFormatError(
      "\(path): found \(kind.name), expected an NPY, NPZ, MAT, safetensors, HDF5, PyTorch, BART, NIfTI, DICOM or Matrix Market file; "
        + "convert it first."
    )
  }
}

/// Names in a remark arrays of a file that are not read.
public func notePassedOver(_ others: [NamedArray], path: String) {
  var passedOver = PassedOver()
  for array in others {
    passedOver.add(array.name, array.value.shape.isEmpty ? "a number" : array.value.shape.map(String.init).joined(separator: " × "))
  }
  passedOver.note(path)
}

/// The file's name without folder and extension.
public func fileTitle(_ path: String) -> String {
  String((path as NSString).lastPathComponent.dropLast(fileExtension(path).count + (fileExtension(path).isEmpty ? 0 : 1)))
}

/// The extension that tells a format, in small letters; `nii.gz` is one, as are `mtx.gz`, `hdr.gz` and `img.gz`.
public func fileExtension(_ path: String) -> String {
  let last = (path as NSString).pathExtension.lowercased()
  guard last == "gz" else { return last }
  return ["nii.gz", "mtx.gz", "hdr.gz", "img.gz"].first { path.lowercased().hasSuffix("." + $0) } ?? last
}

/// Writes arrays in the format that the extension of `path` names: `npy`, `cfl`, `nii` or `nii.gz` (exactly one), `npz`, `mat`,
/// `safetensors` (real ones only), `h5` or `hdf5`.
///
/// In a MAT file every character of a name that MATLAB does not take becomes `_`, and a name that would begin with something else
/// than a letter gets an `x` in front; a file with an array of 2 GiB or more is written in version 7.3 unless
/// `matVersion` says which.
/// - Throws: ``FileFormatError``.
public func writeArrays(_ arrays: [NamedArray], to path: String, matVersion: MATFile.Version? = nil) throws {
  func one() throws -> NumericArray {
    guard arrays.count == 1 else {
      throw FileFormatError("\(path): found \(arrays.count) arrays, expected one for this format; write NPZ.")
    }
    return arrays[0].value
  }
  switch fileExtension(path) {
  case "npy": try NPY.write(one(), to: path)
  case "cfl":
    try checkStorable(arrays, path: path)
    try BARTFile.write(one().complex, to: path)
  case "nii", "nii.gz": try NIfTI(values: one()).write(to: path)
  case "npz": try NPZ.write(arrays, to: path)
  case "safetensors":
    try SafeTensors(
      tensors: arrays.map { array in
        guard let real = array.value.real else {
          throw FileFormatError("\(path): \(array.name) is complex, expected real arrays for safetensors; write NPZ, MAT or HDF5.")
        }
        return NamedParameter(name: array.name, value: real)
      }
    ).write(to: path)
  case "mat":
    let isLarge = arrays.contains { !$0.value.stored.isShapelessZero && $0.value.stored.count >= 1 << 28 - 4096 }
    let renamed = arrays.map { NamedArray(name: variableName($0.name), value: $0.value) }
    try MATFile.write(renamed, to: path, version: matVersion ?? (isLarge ? .v73 : .v5))
  case "h5", "hdf5": try HDF5File(arrays: arrays).write(to: path)
  case let other:
    throw FileFormatError(
      "\(path): found the extension \"\(other)\", expected npy, npz, mat, safetensors, h5, hdf5, cfl, nii or nii.gz."
    )
  }
}

private func variableName(_ name: String) -> String {
  let replaced = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") ? $0 : "_" })
  return MATFile.isIdentifier(String(replaced.prefix(1))) ? replaced : "x" + replaced
}
