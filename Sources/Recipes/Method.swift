// SPDX-License-Identifier: Apache-2.0

/// Any method of any problem, by its name on the command line, in files and on pages.
///
/// ISTA-Net and ISTA-Net⁺ serve several problems and are `block` here; ``forMRI`` and ``forTomography`` are what they are for the others.
public enum Method: RawRepresentable, CaseIterable, Hashable, Sendable {
  case sparse(SparseMethod)
  case block(BlockMethod)
  case mri(MRIMethod)
  case tomography(TomographyMethod)

  public static var allCases: [Method] {
    SparseMethod.allCases.map(Method.sparse) + BlockMethod.allCases.map(Method.block)
      + MRIMethod.allCases.filter { BlockMethod(rawValue: $0.rawValue) == nil }.map(Method.mri)
      + TomographyMethod.allCases.filter { BlockMethod(rawValue: $0.rawValue) == nil }.map(Method.tomography)
  }

  public init?(rawValue: String) {
    guard let found = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
    self = found
  }

  public var rawValue: String {
    switch self {
    case .sparse(let method): method.rawValue
    case .block(let method): method.rawValue
    case .mri(let method): method.rawValue
    case .tomography(let method): method.rawValue
    }
  }

  /// True for networks, false for classical algorithms.
  public var isTrained: Bool {
    switch self {
    case .sparse(let method): method.isTrained
    case .block(let method): method.isTrained
    case .mri(let method): method.isTrained
    case .tomography(let method): method.isTrained
    }
  }

  /// A network of 3 × 3 convolutions between many channels: what mixed precision is for.
  public var isConvolutional: Bool {
    switch self {
    case .sparse, .mri: false
    case .block(let method): method.isUnfolded
    case .tomography(let method): method.isTrained
    }
  }

  /// Single and double precision may be chosen between.
  public var hasPrecisionChoice: Bool { if case .sparse = self { true } else { false } }

  public var title: String {
    switch self {
    case .sparse(let method): method.title
    case .block(let method): method.title
    case .mri(let method): method.title
    case .tomography(let method): method.title
    }
  }

  /// Where it was published.
  public var source: String {
    switch self {
    case .sparse(let method): method.source
    case .block(let method): method.source
    case .mri(let method): method.source
    case .tomography(let method): method.source
    }
  }

  /// The method of compressive-sensing MRI of this name.
  public var forMRI: MRIMethod? { MRIMethod(rawValue: rawValue) }

  /// The method of tomography of this name.
  public var forTomography: TomographyMethod? { TomographyMethod(rawValue: rawValue) }

  public func serves(_ problem: ProblemKind) -> Bool {
    switch (self, problem) {
    case (.sparse(let method), .sparseCoding): method.servesSparseCoding
    case (.sparse(let method), .sparseRecovery): method.servesSparseRecovery
    case (.block, .imageCS): true
    case (_, .mri): forMRI != nil
    case _ where problem.isTomography: forTomography?.serves(problem) ?? false
    default: false
    }
  }

  /// - Throws: ``RecipeError`` when the method does not serve the problem.
  public func check(for problem: ProblemKind) throws {
    guard serves(problem) else {
      throw RecipeError(
        "found method \(rawValue), which does not serve \(problem.rawValue); expected one of "
          + problem.methods.map(\.rawValue).joined(separator: ", "))
    }
  }
}
