// SPDX-License-Identifier: Apache-2.0
import Evaluation
import FileFormats
import Foundation
import Tensors
import Testing

@Suite struct PictureTests {
  @Test func graysAreRoundedAndClipped() throws {
    let picture = try Picture(Tensor([0.0, 0.5, 1, -3, 7, .nan], shape: [2, 3]))
    #expect(picture.pixels == [0, 128, 255, 0, 255, 0])
    #expect(picture.width == 3 && picture.height == 2 && picture.channels == 1)
    #expect(try Picture(Tensor([-10.0, 0, 30], shape: [1, 3]), scaling: .range(-10...30)).pixels == [0, 64, 255])
    #expect(try Picture(Tensor([2.0, 3, 4], shape: [1, 3]), scaling: .extremes).pixels == [0, 128, 255])
  }

  @Test func signedPicturesHaveZeroInTheMiddle() throws {
    #expect(try Picture(Tensor([-2.0, 0, 1, 2], shape: [2, 2]), scaling: .signed).pixels == [0, 128, 191, 255])
    #expect(try Picture(.zeros([1, 2]), scaling: .signed).pixels == [128, 128])
    let largest = Double.greatestFiniteMagnitude
    #expect(try Picture(Tensor([-largest, 0, largest], shape: [1, 3]), scaling: .signed).pixels == [0, 128, 255])
    let colored = try Picture(Tensor([-1.0, 0, 1], shape: [1, 3]), scaling: .signed, colors: .diverging)
    #expect(colored.channels == 3 && colored.pixels == [16, 62, 117, 246, 246, 244, 142, 48, 6])
  }

  @Test func pixelsAreRepeated() throws {
    let picture = try Picture(Tensor([0.0, 1], shape: [1, 2])).enlarged(by: 3)
    #expect(picture.width == 6 && picture.height == 3)
    #expect(picture.pixels == Array(repeating: [0, 0, 0, 255, 255, 255], count: 3).flatMap { $0 })
    #expect(throws: InputError.self) { try picture.enlarged(by: 0) }
    #expect(throws: InputError.self) { try picture.enlarged(by: .max) }
  }

  @Test func atomsStandInAGrid() throws {
    // Three atoms of 1 × 2 pixels in the columns of a matrix; two columns of cells, one pixel between them.
    let dictionary = Tensor([1.0, 0.5, 0, -1, 0, 0], shape: [2, 3])
    let mosaic = try Picture.atoms(of: dictionary, height: 1, width: 2)
    #expect(mosaic.width == 5 && mosaic.height == 3 && mosaic.channels == 2)
    let pixels = try PNGPixels(try mosaic.encodedPNG())
    #expect(pixels.width == 5 && pixels.height == 3)
    let clear: [UInt8] = [0, 0, 0, 0]
    func gray(_ v: UInt8) -> [UInt8] { [v, v, v, 255] }
    #expect((0..<5).map { pixels[$0, 0] } == [gray(255), gray(0), clear, gray(255), gray(128)])
    #expect((0..<5).map { pixels[$0, 2] } == [gray(128), gray(128), clear, clear, clear])
    #expect((0..<5).allSatisfy { pixels[$0, 1] == clear })
  }

  @Test func rowsOfEstimatesShareTheirScale() throws {
    let rows = [[Tensor([0.0, 1], shape: [1, 2]), Tensor([0.2, 0.4], shape: [1, 2])]]
    let picture = try Picture.comparison(rows, gap: 1)
    let pixels = try PNGPixels(try picture.encodedPNG())
    #expect([0, 1, 3, 4].map { pixels[$0, 0][0] } == [0, 255, 51, 102])
    let solid = try Picture.grid([[try Picture(rows[0][0])], [try Picture(rows[0][1])]], gap: 1, background: 200)
    #expect(solid.channels == 1 && solid.pixels == [0, 255, 200, 200, 51, 102])
  }

  @Test(arguments: ColorMap.allCases) func encodedPixelsAreTheSame(colors: ColorMap) throws {
    let ramp: [Double] = (0..<221).map { Double($0) / 220 }
    let picture = try Picture(Tensor(ramp, shape: [13, 17]), colors: colors)
    let pixels = try PNGPixels(try picture.encodedPNG())
    #expect(pixels.width == 17 && pixels.height == 13)
    var expected: [UInt8] = []
    for i in stride(from: 0, to: picture.pixels.count, by: picture.channels) {
      let green = colors == .gray ? i : i + 1
      let blue = colors == .gray ? i : i + 2
      expected += [picture.pixels[i], picture.pixels[green], picture.pixels[blue], 255]
    }
    #expect(pixels.bytes == expected)
  }

  @Test func plotsInPixels() throws {
    let plot = Plot(
      title: "Plot", horizontal: Axis("x"), vertical: Axis("y"),
      series: [.init("Line", points: [(0, 1), (1, 1)], hidesMarkers: true)])
    for (scheme, surface) in [(ColorScheme.light, [255, 255, 255]), (.dark, [26, 28, 32])] as [(ColorScheme, [UInt8])] {
      let pixels = try PNGPixels(try plot.encodedPNG(width: 400, height: 300, scale: 2, scheme: scheme))
      #expect(pixels.width == 800 && pixels.height == 600)
      #expect(Array(pixels[0, 0][..<3]) == surface)
      // A level line, 2 × 2 pixels high, over most of the width in the first colour.
      let blue: [UInt8] = scheme == .light ? [0x2A, 0x7F, 0xC9] : [0x64, 0xAA, 0xE8]
      let colored = (0..<600).map { y in (0..<800).count { Array(pixels[$0, y][..<3]) == blue } }
      #expect(colored.max() ?? 0 > 480)
      #expect((3...4).contains(colored.count { $0 > 480 }))
    }
  }

  @Test func wrongShapesAreErrors() {
    #expect(throws: InputError.self) { try Picture(.zeros([4])) }
    #expect(throws: InputError.self) { try Picture(.zeros([2, 4, 4])) }
    #expect(throws: InputError.self) { try Picture(.zeros([0, 4])) }
    #expect(throws: InputError.self) { try Picture.grid([]) }
    #expect(throws: InputError.self) { try Picture.grid([[]]) }
    #expect(throws: InputError.self) { try Picture.atoms(of: .zeros([100, 3]), height: 9, width: 10) }
    #expect(throws: InputError.self) { try Picture.mosaic(.zeros([3, 4]), height: 2, width: 2, columns: 0) }
  }
}
