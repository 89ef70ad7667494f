// SPDX-License-Identifier: Apache-2.0
import CCairo
import FileFormats
import Foundation

/// A drawing as pixels, by Cairo.
final class CairoCanvas: Canvas {
  private let surface: OpaquePointer
  private let context: OpaquePointer
  private let scheme: ColorScheme

  /// - Parameters: `width` and `height` in pixels of the layout; `scale` pixels of the image for each of them.
  /// - Throws: when Cairo cannot hold an image of that size (it allows up to 32 767 pixels a side).
  init(
    width: Double, height: Double, scale: Double, scheme: ColorScheme, format: cairo_format_t = CAIRO_FORMAT_RGB24
  ) throws(InputError) {
    let (columns, rows) = ((width * scale).rounded(.up), (height * scale).rounded(.up))
    guard scale > 0, columns >= 1, rows >= 1, columns <= 32_767, rows <= 32_767,
      let surface = cairo_image_surface_create(format, Int32(columns), Int32(rows)),
      let context = cairo_create(surface), cairo_status(context) == CAIRO_STATUS_SUCCESS
    else {
      throw InputError("an image of \(width) × \(height) at scale \(scale) cannot be drawn; give 1 to 32767 pixels a side.")
    }
    self.surface = surface
    self.context = context
    self.scheme = scheme
    cairo_scale(context, scale, scale)
    cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND)
  }

  deinit {
    cairo_destroy(context)
    cairo_surface_destroy(surface)
  }

  /// A picture's pixels as they are, with nothing drawn.
  static func encodedPNG(_ picture: Picture) throws(InputError) -> Data {
    let canvas = try CairoCanvas(
      width: Double(picture.width), height: Double(picture.height), scale: 1, scheme: .light,
      format: picture.channels.isMultiple(of: 2) ? CAIRO_FORMAT_ARGB32 : CAIRO_FORMAT_RGB24)
    cairo_surface_flush(canvas.surface)
    guard let bytes = cairo_image_surface_get_data(canvas.surface) else {
      throw InputError("a picture of \(picture.width) × \(picture.height) pixels has no place in memory; give a smaller one.")
    }
    let stride = Int(cairo_image_surface_get_stride(canvas.surface))
    for y in 0..<picture.height {
      UnsafeMutableRawPointer(bytes + y * stride).withMemoryRebound(to: UInt32.self, capacity: picture.width) { row in
        for x in 0..<picture.width {
          let color = picture.color(x, y).map(UInt32.init)
          let premultiplied = color[0..<3].map { ($0 * color[3] + 127) / 255 }
          row[x] = color[3] << 24 | premultiplied[0] << 16 | premultiplied[1] << 8 | premultiplied[2]
        }
      }
    }
    cairo_surface_mark_dirty(canvas.surface)
    return try canvas.encodedPNG()
  }

  /// The drawing as a PNG file's bytes.
  func encodedPNG() throws(InputError) -> Data {
    cairo_surface_flush(surface)
    var bytes = Data()
    let status = withUnsafeMutablePointer(to: &bytes) { pointer in
      cairo_surface_write_to_png_stream(
        surface,
        { closure, data, length in
          guard let closure, let data else { return CAIRO_STATUS_WRITE_ERROR }
          closure.assumingMemoryBound(to: Data.self).pointee.append(data, count: Int(length))
          return CAIRO_STATUS_SUCCESS
        }, pointer)
    }
    guard status == CAIRO_STATUS_SUCCESS else {
      throw InputError("the drawing could not be encoded as PNG: \(String(cString: cairo_status_to_string(status))).")
    }
    return bytes
  }

  func fill(_ r: Rectangle, _ ink: Ink) {
    cairo_rectangle(context, r.x, r.y, r.width, r.height)
    set(ink)
    cairo_fill(context)
  }

  func polyline(_ points: [Point], _ stroke: Stroke) {
    guard points.count > 1 else { return }
    trace(points)
    apply(stroke)
  }

  func polygon(_ points: [Point], fill: Ink, outline: Stroke) {
    trace(points)
    cairo_close_path(context)
    set(fill)
    cairo_fill_preserve(context)
    apply(outline)
  }

  func circle(_ center: Point, radius: Double, fill: Ink, outline: Stroke) {
    cairo_new_sub_path(context)
    cairo_arc(context, center.x, center.y, radius, 0, 2 * Double.pi)
    cairo_close_path(context)
    set(fill)
    cairo_fill_preserve(context)
    apply(outline)
  }

  func text(_ text: String, at point: Point, _ style: TextStyle) {
    set(style.ink)
    let width = width(of: text, style)
    let shift = style.anchor == .start ? 0 : (style.anchor == .middle ? width / 2 : width)
    cairo_move_to(context, point.x - shift, point.y)
    cairo_show_text(context, text)
    cairo_new_path(context)
  }

  func width(of text: String, _ style: TextStyle) -> Double {
    let weight = style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL
    cairo_select_font_face(context, "sans-serif", CAIRO_FONT_SLANT_NORMAL, weight)
    cairo_set_font_size(context, style.size)
    var extents = cairo_text_extents_t()
    cairo_text_extents(context, text, &extents)
    return extents.x_advance
  }

  func beginClip(_ r: Rectangle) {
    cairo_save(context)
    cairo_rectangle(context, r.x, r.y, r.width, r.height)
    cairo_clip(context)
  }

  func endClip() { cairo_restore(context) }

  private func trace(_ points: [Point]) {
    cairo_new_path(context)
    for point in points { cairo_line_to(context, point.x, point.y) }
  }

  private func set(_ ink: Ink) {
    let color = ink.color(scheme)
    cairo_set_source_rgb(
      context, Double(color >> 16 & 255) / 255, Double(color >> 8 & 255) / 255, Double(color & 255) / 255)
  }

  private func apply(_ stroke: Stroke) {
    set(stroke.ink)
    cairo_set_line_width(context, stroke.width)
    cairo_set_line_cap(context, stroke.dash.isEmpty ? CAIRO_LINE_CAP_ROUND : CAIRO_LINE_CAP_BUTT)
    cairo_set_dash(context, stroke.dash, Int32(stroke.dash.count), 0)
    cairo_stroke(context)
  }
}
