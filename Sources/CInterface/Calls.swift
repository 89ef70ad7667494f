// SPDX-License-Identifier: Apache-2.0
import CUnfoldNet
import Kernels
import LinearSystems
import Platform
import WeightFiles

/// A failure that is no ``InputError``, with the code it has outside.
struct CallError: Error {
  let code: Int
  let text: String
  init(_ code: Int, _ text: String) { (self.code, self.text) = (code, text) }
}

/// Runs the body of an interface function: its facts are kept for the caller, its error becomes a code and a message.
func call(_ body: () throws -> [JSONMember]) -> Int32 {
  _ = atStart
  let (code, message, facts): (Int, String, [JSONMember])
  let collected = Remarks.collected { () -> Result<[JSONMember], any Error> in Result { try body() } }
  switch collected.result {
  case .success(let found):
    (code, message) = (UNF_OK, "")
    facts = found + (collected.remarks.isEmpty ? [] : [JSONMember("remarks", .array(collected.remarks.map(JSONValue.string)))])
  case .failure(let error as CallError): (code, message, facts) = (error.code, error.text, [])
  case .failure(let error as any InputFault) where !error.isOfInput: (code, message, facts) = (UNF_FAILED, "\(error)", [])
  case .failure(let error): (code, message, facts) = (UNF_INPUT, "\(error)", [])
  }
  // One line, whatever a name in it had.
  let line = String(String.UnicodeScalarView(message.unicodeScalars.map { $0.value < 32 || $0.value == 127 ? " " : $0 }))
  unfoldnet_keep(line, JSONValue.object(facts).text(indented: false))
  return Int32(code)
}

private let atStart: Void = Memory.keepFreedBlocks()

/// Objects by their handles: one that is released, or of another kind, is an error and no more.
final class Objects: @unchecked Sendable {
  static let all = Objects()
  private let lock = Lock()
  private var objects: [Int64: AnyObject] = [:]
  private var last: Int64 = 0

  /// Keeps an object, its handle where the caller wants it.
  func give<Kind: AnyObject>(_ object: Kind, to handle: UnsafeMutablePointer<Int64>) -> Kind {
    handle.pointee = lock.withLock {
      last += 1
      objects[last] = object
      return last
    }
    return object
  }

  func release(_ handle: Int64) throws {
    guard lock.withLock({ objects.removeValue(forKey: handle) }) != nil else {
      throw CallError(UNF_HANDLE, "found no object \(handle); expected one that was made and not yet released")
    }
  }

  func object<Kind: AnyObject>(_ handle: Int64, _: Kind.Type = Kind.self, _ name: String) throws -> Kind {
    guard let object = lock.withLock({ objects[handle] }) as? Kind else {
      throw CallError(UNF_HANDLE, "found no \(name) \(handle); expected one that was made and not yet released")
    }
    return object
  }
}

/// A text of the caller's.
///
/// - Throws: ``InputError`` for NULL and for what is no UTF-8.
func text(_ pointer: UnsafePointer<CChar>?, _ name: String) throws -> String {
  guard let pointer else { throw InputError("found no \(name); expected a text") }
  guard let text = String(validatingCString: pointer) else { throw InputError("found a \(name) that is no UTF-8; expected a text") }
  return text
}

/// Where a result goes.
func place<Value>(_ pointer: UnsafeMutablePointer<Value>?, _ name: String) throws -> UnsafeMutablePointer<Value> {
  guard let pointer else { throw InputError("found no place for \(name); expected one, not NULL") }
  return pointer
}

/// A JSON object of options, read as descriptions are.
func options(_ pointer: UnsafePointer<CChar>?, _ keys: [String]) throws -> DescriptionReader {
  let name = "the options"
  let reader = try DescriptionReader(
    path: name, node: DescriptionNode(json: pointer.map { try text($0, "text of the options") } ?? "{}", name), name: name,
    main: nil,
    source: GivenArrays([:]))
  try reader.expect(keys)
  return reader
}

extension DescriptionNode {
  /// - Parameter name: what errors call it.
  init(json: String, _ name: String) throws {
    var text = json
    let value: JSONValue
    do { value = try text.withUTF8 { try JSONValue(parsing: UnsafeRawBufferPointer($0), path: name) } } catch {
      throw InputError("found \(name) that are no JSON; expected a JSON object: \(error)")
    }
    guard case .object = value else { throw InputError("found \(name) of another kind; expected a JSON object") }
    self.init(value)
  }

  private init(_ value: JSONValue) {
    func scalar(_ text: String, _ number: Double? = nil, _ integer: Int? = nil, _ flag: Bool? = nil) -> Content {
      .scalar(Scalar(text: text, number: number, integer: integer, flag: flag))
    }
    let content: Content =
      switch value {
      case .null: .scalar(Scalar(isNull: true))
      case .bool(let flag): scalar("\(flag)", nil, nil, flag)
      case .integer(let n): scalar("\(n)", Double(n), n)
      case .unsigned(let n): scalar("\(n)", Double(n))
      case .number(let x): scalar("\(x)", x)
      case .string(let text): scalar(text)
      case .array(let items): .sequence(items.map { DescriptionNode($0) })
      case .object(let members): .mapping(members.map { ($0.name, DescriptionNode($0.value)) })
      }
    self.init(content)
  }
}
