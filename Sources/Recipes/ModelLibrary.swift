// SPDX-License-Identifier: Apache-2.0
import Foundation
import Operators
import Tensors
import Training

/// Something that cannot be done: what was found, what was expected, what to do, in one line.
public struct RecipeError: Error, CustomStringConvertible, Equatable {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// The weights that ship, in the folder `Models`.
public struct ModelLibrary: Sendable {
  public let path: String

  public init(path: String) { self.path = path }

  /// The folder named by `UNFOLD_MODELS`; else `Models` in this folder, beside the program, or in a folder above the program.
  public static var standard: ModelLibrary {
    let files = FileManager.default
    if let named = ProcessInfo.processInfo.environment["UNFOLD_MODELS"] { return ModelLibrary(path: named) }
    var places = [files.currentDirectoryPath + "/Models"]
    var folder = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
    for _ in 0..<5 {
      places.append(folder.appendingPathComponent("Models").path)
      places.append(folder.appendingPathComponent("share/unfold/Models").path)
      folder = folder.deletingLastPathComponent()
    }
    return ModelLibrary(path: places.first { files.fileExists(atPath: $0) } ?? places[0])
  }

  public func file(_ name: String) -> String { path + "/" + name + ".safetensors" }

  /// The weights of a network for codes of image patches.
  public func coding(_ method: SparseMethod, units: Int, iterations: Int) -> String {
    file("sparse-coding/\(method.rawValue)\(method == .lista ? "-\(iterations)" : "")-\(units)")
  }

  /// The weights of a network of the synthetic benchmark.
  public func recovery(_ method: SparseMethod) -> String { file("sparse-recovery/\(method.rawValue)") }
}

extension Weights {
  /// The recipe that stands beside them, nil where none does.
  ///
  /// - Parameter problem: what they are to serve; those of one problem of tomography serve all of them.
  /// - Throws: ``RecipeError`` for weights of another network or another problem.
  func recipe(of network: String, for problem: ProblemKind, file: String) throws -> Recipe? {
    guard let recipe = try recipe.map(Recipe.init(json:)) else { return nil }
    let known = recipe.notes["problem"].flatMap(ProblemKind.init(rawValue:))
    guard recipe.network == network, let known, known == problem || known.isTomography && problem.isTomography else {
      throw RecipeError(
        "\(file): found weights of \(recipe.network) for \(recipe.notes["problem"] ?? "another problem"); expected \(network) for "
          + "\(problem.rawValue), choose other weights")
    }
    return recipe
  }

  /// How many stages from the first on have the parameter `name`, and the shape it has in them; nil when the first has none.
  func stages(with name: String) -> (count: Int, shape: [Int])? {
    // MATLAB has no dots in names.
    let shapes = Dictionary(
      parameters.map { ($0.name.replacingOccurrences(of: "_", with: "."), $0.value.shape) }, uniquingKeysWith: { $1 })
    guard let shape = shapes["stages.0.\(name)"] else { return nil }
    var count = 1
    while shapes["stages.\(count).\(name)"] == shape { count += 1 }
    return (count, shape)
  }

  /// The fixed tensor `name` as a matrix in double precision.
  public func matrix(_ name: String, file: String) throws -> Matrix {
    guard let found = operators.first(where: { $0.name == name })?.value else {
      throw RecipeError("\(file): found no operator.\(name); expected weights written by unfold train")
    }
    guard found.shape.count == 2, found.isFinite else {
      throw RecipeError("\(file): found operator.\(name) of shape \(found.shape) or with NaN; expected a finite matrix")
    }
    return Matrix(found.converted(to: .double))
  }
}
