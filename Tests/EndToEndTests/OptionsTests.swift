// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite struct OptionsTests {
  /// The page is what the program says of itself: `Scripts/options.sh` writes it anew.
  @Test func pageIsWhatTheProgramSays() throws {
    let folder = try Folder()
    let root = Program.root
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = [root.appending(path: "Scripts/options.sh").path, try #require(Program.path), folder.file("Options.md")]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let page = try String(contentsOf: root.appending(path: "Documentation/Options.md"), encoding: .utf8)
    let said = try String(contentsOfFile: folder.file("Options.md"), encoding: .utf8)
    #expect(page == said, "Documentation/Options.md is not what the program says; run Scripts/options.sh")
  }
}
