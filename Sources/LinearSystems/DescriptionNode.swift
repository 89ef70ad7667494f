// SPDX-License-Identifier: Apache-2.0
import Operators
import Platform
import Tensors

/// A value of a description, whatever language it is written in.
public struct DescriptionNode: Sendable {
  public enum Content: Sendable {
    case scalar(Scalar)
    case sequence([DescriptionNode])
    /// A key that is no word is nil.
    case mapping([(key: String?, value: DescriptionNode)])
  }
  /// What a plain value can be taken for.
  public struct Scalar: Sendable {
    public var text: String?
    public var number: Double?
    public var integer: Int?
    public var flag: Bool?
    public var isNull = false
    public init(text: String? = nil, number: Double? = nil, integer: Int? = nil, flag: Bool? = nil, isNull: Bool = false) {
      (self.text, self.number, self.integer, self.flag, self.isNull) = (text, number, integer, flag, isNull)
    }
  }

  public let content: Content
  /// Where it stands, for errors.
  public let line: Int?

  public init(_ content: Content, line: Int? = nil) { (self.content, self.line) = (content, line) }

  var scalar: Scalar? { if case .scalar(let scalar) = content { scalar } else { nil } }
  var sequence: [DescriptionNode]? { if case .sequence(let nodes) = content { nodes } else { nil } }
  var mapping: [(key: String?, value: DescriptionNode)]? { if case .mapping(let members) = content { members } else { nil } }
}

/// Reads what a description names: files, or whatever else stands for them. Names are as ``path(of:)`` gives them.
public protocol DescriptionSource: Sendable {
  /// The name under which the others find what a description calls so.
  func path(of name: String) -> String
  /// One real array of two axes, called one of `names` where there are several.
  func table(_ path: String, names: [String]) throws -> Tensor
  /// A kernel of convolution.
  func kernel(_ path: String) throws -> Tensor
  /// A real image.
  func image(_ path: String) throws -> Tensor
  func angles(_ path: String) throws -> [Double]
  func coilMaps(_ path: String) throws -> CoilSensitivities
  func matrix(_ path: String, variable: String?) throws -> OperatorMatrix
}
