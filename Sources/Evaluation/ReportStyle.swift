// SPDX-License-Identifier: Apache-2.0

extension ReportPage {
  /// The handle of a comparison's divider.
  private static let thumb = """
    width: 2rem; height: 2rem; border: 0; border-radius: 50%; box-shadow: 0 1px 6px rgb(0 0 0 / .45); background: #fff \
    url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 20 20'%3E%3Cpath d='M8 6l-4 4 4 4M12 6l4 4-4 4' \
    fill='none' stroke='%231b1e23' stroke-width='1.8' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E");
    """

  /// The page's style: one column of text at a readable measure, figures and tables a little wider, no colour but one.
  static let styleSheet = """
    :root { --page: #f7f7f5; --surface: #fff; --text: #1b1e23; --secondary: #5a626d; --line: #dfe1e4; --accent: #1f6fb4;
      --soft: #eef0f2; color-scheme: light dark; }
    @media screen and (prefers-color-scheme: dark) {
      :root { --page: #121417; --surface: #1a1c20; --text: #eceef1; --secondary: #a4acb8; --line: #30343b; --accent: #64aae8;
        --soft: #22252a; }
    }
    * { box-sizing: border-box; }
    html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; scroll-behavior: smooth; }
    body { margin: 0; padding: 0 1.25rem; background: var(--page); color: var(--text); line-height: 1.6; font-size: 1.0625rem;
      font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial,
      sans-serif;
      text-rendering: optimizeLegibility; overflow-wrap: break-word; }
    header, nav, main, footer { max-width: 53rem; margin: 0 auto; }
    header { padding: 4rem 0 1.5rem; }
    .mark { display: flex; align-items: center; gap: .6rem; margin: 0 0 2.25rem; color: var(--accent); font-weight: 600;
      letter-spacing: .01em; }
    h1 { margin: 0; max-width: 20em; font-size: clamp(1.9rem, 1.3rem + 2.8vw, 3rem); line-height: 1.12; font-weight: 680;
      letter-spacing: -.022em; text-wrap: balance; }
    .lead { max-width: 36em; margin: 1.1rem 0 0; color: var(--secondary); font-size: 1.2rem; line-height: 1.5; text-wrap: pretty; }
    dl { display: flex; flex-wrap: wrap; gap: .9rem 2.5rem; margin: 1.9rem 0 0; }
    dt { color: var(--secondary); font-size: .8125rem; }
    dd { margin: 0; font-size: .9375rem; font-variant-numeric: tabular-nums; }
    nav { margin-top: .5rem; font-size: .9375rem; }
    nav ol { display: flex; flex-wrap: wrap; gap: .35rem 1.6rem; margin: 0; padding: .9rem 0; list-style: none;
      border-block: 1px solid var(--line); }
    a { color: var(--accent); text-decoration: none; }
    a:hover { text-decoration: underline; text-underline-offset: .2em; }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 3px; }
    section { padding: 2.25rem 0 0; }
    h2 { margin: 0 0 .9rem; font-size: 1.5rem; line-height: 1.25; font-weight: 650; letter-spacing: -.012em; text-wrap: balance; }
    p, main > section > ul:not(.key-figures) { max-width: 40em; margin: 0 0 1.1rem; text-wrap: pretty; }
    section > ul:not(.key-figures) { padding-left: 1.2rem; }
    code, pre { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
      font-size: .88em; }
    p code, li code, dd code, figcaption code { padding: .1em .35em; border-radius: 4px; background: var(--soft); }
    pre { margin: 1.4rem 0; padding: 1rem 1.2rem; overflow-x: auto; border: 1px solid var(--line); border-radius: 10px;
      background: var(--surface); line-height: 1.55; }
    figure { margin: 1.75rem 0 2rem; }
    figcaption { max-width: 44em; margin-top: .75rem; color: var(--secondary); font-size: .9375rem; line-height: 1.5; }
    img { display: block; max-width: 100%; height: auto; }
    .plot > div, .picture > img { border: 1px solid var(--line); border-radius: 10px; background: var(--surface);
      overflow: hidden; }
    .picture > img { box-sizing: content-box; max-width: calc(100% - 14px); padding: 6px; }
    .plot svg { display: block; width: 100%; height: auto; }
    .narrow { display: none; }
    .sharp { image-rendering: pixelated; }
    .pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(10.5rem, 44%), 1fr)); gap: 1.25rem 1rem; }
    .pictures figure { margin: 0; }
    .pictures img { width: 100%; border-radius: 6px; }
    .pictures figcaption { margin-top: .5rem; line-height: 1.35; }
    .pictures strong { display: block; color: var(--text); font-weight: 600; }
    .pictures span { font-variant-numeric: tabular-nums; }
    .strip { grid-template-columns: repeat(auto-fit, minmax(min(7.25rem, 30%), 1fr)); gap: 1rem .75rem; }
    .scale { width: min(24rem, 100%); margin: 1.25rem 0 0; color: var(--secondary); font-size: .8125rem; }
    .scale img { width: 100%; height: .75rem; margin: .3rem 0 .2rem; border-radius: 3px; }
    .scale div { display: flex; justify-content: space-between; font-variant-numeric: tabular-nums; }
    .comparison > .pictures { grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); }
    .key-figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: 1px; margin: 1.5rem 0 2rem;
      padding: 0; list-style: none; overflow: hidden; border: 1px solid var(--line); border-radius: 10px; background: var(--line); }
    .key-figures li { padding: 1.15rem 1.3rem 1.2rem; background: var(--surface); color: var(--secondary); font-size: .9375rem;
      line-height: 1.4; }
    .key-figures strong { display: block; margin-bottom: .3rem; color: var(--text); font-size: 1.9rem; line-height: 1.15;
      font-weight: 640; letter-spacing: -.02em; white-space: nowrap; }
    .key-figures strong span { color: var(--secondary); margin-left: .1em; font-size: 1rem; font-weight: 500; letter-spacing: 0; }
    .table { margin: 1.75rem 0 2.25rem; overflow-x: auto; border: 1px solid var(--line); border-radius: 10px;
      background: var(--surface); }
    table { width: 100%; border-collapse: collapse; font-size: .9375rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
    caption { padding: 1rem 1.25rem .4rem; text-align: left; font-weight: 600; }
    th, td { padding: .6rem 1.25rem; text-align: right; vertical-align: top; white-space: nowrap; }
    th:first-child { text-align: left; white-space: normal; overflow-wrap: normal; }
    thead th { padding-bottom: .5rem; color: var(--secondary); font-size: .8125rem; font-weight: 500; vertical-align: bottom; }
    tbody th { font-weight: 500; }
    tbody tr > * { border-top: 1px solid var(--line); }
    .summary > * { font-weight: 640; border-top-color: var(--secondary); }
    td strong { font-weight: 640; }
    td small { display: block; color: var(--secondary); font-size: .8125rem; line-height: 1.45; }
    sup { margin-left: .15em; color: var(--accent); font-size: .7em; line-height: 0; }
    .notes { margin: 0; padding: .9rem 1.25rem 1rem 2.6rem; border-top: 1px solid var(--line);
      color: var(--secondary); font-size: .875rem; line-height: 1.5; }
    footer { margin-top: 2.5rem; padding: 1.25rem 0 4rem; border-top: 1px solid var(--line); color: var(--secondary);
      font-size: .875rem; }
    @media (max-width: 36rem) {
      body { padding: 0 1rem; font-size: 1rem; }
      header { padding-top: 2rem; }
      .mark { margin-bottom: 1.5rem; }
      .lead { font-size: 1.0625rem; }
      .wide { display: none; }
      .narrow { display: block; }
      .key-figures { grid-template-columns: 1fr 1fr; }
      .key-figures li { padding: .9rem 1rem; }
      .key-figures strong { font-size: 1.5rem; }
      .key-figures li:last-child:nth-child(odd) { grid-column: 1 / -1; }
      th, td { padding-inline: .8rem; }
      tr > :first-child { position: sticky; left: 0; min-width: 7rem; background: var(--surface); }
      caption { padding-inline: .8rem; }
    }
    @media screen {
      .sliding .sides { display: flex; justify-content: space-between; gap: 1rem; margin-bottom: .6rem; }
      .sides select { max-width: 48%; padding: .35rem .6rem; border: 1px solid var(--line); border-radius: 8px;
        background: var(--surface); color: var(--text); font: inherit; font-size: .9375rem; font-variant-numeric: tabular-nums; }
      .sliding > .pictures { --share: 50%; position: relative; display: grid; grid-template-columns: 100%; gap: 0; }
      .sliding > .pictures > * { grid-area: 1 / 1; }
      .sliding .pictures figcaption, .sliding .away { display: none; }
      .sliding .right { clip-path: inset(0 0 0 var(--share)); z-index: 1; }
      .sliding > .pictures::after { content: ""; position: absolute; z-index: 2; inset: 0 auto 0 var(--share); width: 2px;
        margin-left: -1px; background: #fff; box-shadow: 0 0 0 1px rgb(0 0 0 / .3); pointer-events: none; }
      /* Wider than the pictures by the thumb, so that its middle is the divider. */
      .sliding input { -webkit-appearance: none; appearance: none; position: absolute; z-index: 3; inset: 0 -1rem;
        width: calc(100% + 2rem); height: 100%; margin: 0; background: none; cursor: ew-resize; touch-action: pan-y; }
      .sliding input:focus-visible { outline: none; }
      .sliding input::-moz-range-track { height: 100%; background: none; }
      .sliding input::-webkit-slider-thumb { -webkit-appearance: none; \(thumb) }
      .sliding input::-moz-range-thumb { \(thumb) }
      .sliding input:focus-visible::-webkit-slider-thumb { outline: 3px solid var(--accent); outline-offset: 2px; }
      .sliding input:focus-visible::-moz-range-thumb { outline: 3px solid var(--accent); outline-offset: 2px; }
    }
    @media print {
      .sides, .comparison input { display: none; }
      :root { --page: #fff; color-scheme: light; }
      html { font-size: 10pt; }
      body { padding: 0; font-size: 1rem; }
      header { padding-top: 0; }
      nav { display: none; }
      .wide { display: block; }
      .narrow { display: none; }
      h2, p:has(+ figure) { break-after: avoid; }
      figure, tr, .key-figures, pre, .table, .notes { break-inside: avoid; }
      .notes { break-before: avoid; }
      .table { overflow: visible; }
      .key-figures, .plot > div, .table { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
    }
    @media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
    """
}
