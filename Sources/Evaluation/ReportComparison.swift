// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Tensors

extension ReportPage {
  /// The colours of pictures with the values they stand for.
  public struct ColorScale: Sendable {
    public var colors: ColorMap
    /// What the values are, with their unit.
    public var label: String
    /// Texts below the bar, equally spaced from its left end to its right.
    public var ticks: [String]

    public init(_ colors: ColorMap, label: String, ticks: [String]) {
      self.colors = colors
      self.label = label
      self.ticks = ticks
    }

    func html() throws(InputError) -> String {
      let ramp = Tensor((0..<256).map { Double($0) / 255 }, shape: [1, 256])
      let data = try Picture(ramp, colors: colors).encodedPNG().base64EncodedString()
      let ends = "\(ticks.first ?? "") to \(ticks.last ?? "")"
      return "<div class=\"scale\"><span>\(escaped(label))</span>\n"
        + "<img src=\"data:image/png;base64,\(data)\" width=\"256\" height=\"1\" alt=\"colour scale, \(escaped(ends))\">\n"
        + "<div>\(ticks.map { "<span>\(escaped($0))</span>" }.joined())</div></div>\n"
    }
  }

  /// True when a block needs the script.
  var compares: Bool {
    sections.contains { section in
      section.blocks.contains { block in
        if case .comparison = block { return true }
        return false
      }
    }
  }

  /// Lays the pictures of a comparison over one another with a divider to drag, a range control, and two menus that choose what is
  /// left and right of it. Without it they stand side by side.
  static let script = """
    for (const figure of document.querySelectorAll(".comparison")) {
      const stage = figure.querySelector(".pictures"), pictures = [...stage.children];
      if (!pictures[1]) continue;
      const names = pictures.map(p => p.querySelector("strong").textContent);
      const details = pictures.map(p => p.querySelector("span")?.textContent);
      const make = (tag, place, properties) => place(Object.assign(document.createElement(tag), properties));
      const bar = make("div", e => (stage.before(e), e), { className: "sides" });
      const menus = ["Left", "Right"].map((side, i) => {
        const menu = make("select", e => bar.appendChild(e), { ariaLabel: side + " picture" });
        names.forEach((name, k) => menu.add(new Option(details[k] ? name + " · " + details[k] : name, k, k == i, k == i)));
        return menu;
      });
      const divider = make("input", e => stage.appendChild(e),
        { type: "range", min: 0, max: 100, step: "any", ariaLabel: "Divider between the two pictures" });
      divider.value = 50;
      let chosen = [0, 1];
      const show = () => {
        const now = menus.map(m => +m.value);
        if (now[0] == now[1]) menus.forEach((m, i) => { if (now[i] == chosen[i]) m.value = chosen[1 - i]; });
        chosen = menus.map(m => +m.value);
        pictures.forEach((p, k) => { p.className = k == chosen[0] ? "left" : k == chosen[1] ? "right" : "away"; });
        move();
      };
      const move = () => {
        stage.style.setProperty("--share", divider.value + "%");
        const share = Math.round(divider.value);
        divider.setAttribute("aria-valuetext", names[chosen[0]] + " " + share + " %, " + names[chosen[1]] + " " + (100 - share) + " %");
      };
      menus.forEach(m => m.addEventListener("change", show));
      divider.addEventListener("input", move);
      divider.addEventListener("keydown", event => {
        const step = { ArrowLeft: -2, ArrowDown: -2, ArrowRight: 2, ArrowUp: 2, PageDown: -10, PageUp: 10 }[event.key];
        if (!step) return;
        event.preventDefault();
        divider.value = +divider.value + step;
        move();
      });
      figure.classList.add("sliding");
      show();
    }
    """
}
