/** @file The style sheet of a report: the studio's colours, readable on screen and on paper. */

const LIGHT = `--ground:#f6f6f4;--surface:#fff;--ink:#1b1b19;--muted:#66655f;--line:#e7e6e1;--strong:#c9c7bf;--sliced:#b8490a;--cut:#a5a299;--tile:#f0efeb;
--s1:#0f6cbd;--s2:#00795c;--s3:#a6450c;--s4:#7a3fb0;--s5:#a01c5d;--s6:#6b6000;--s7:#007a8a;--s8:#5c5c8a;`;
const DARK = `--ground:#141413;--surface:#1b1b1a;--ink:#ecebe6;--muted:#a09e95;--line:#2d2d2a;--strong:#4a4944;--sliced:#f2913d;--cut:#63615a;--tile:#242422;
--s1:#6cb2f5;--s2:#3fc79f;--s3:#f2a45c;--s4:#c29bf0;--s5:#f58ab8;--s6:#d6c84a;--s7:#4fc9dc;--s8:#b0b0d8;`;

const SERIES = Array.from({ length: 8 }, (_, i) => `.series-${i + 1}{--c:var(--s${i + 1})}`).join('');

export const STYLE = `
:root{color-scheme:light dark;${LIGHT}}
@media (prefers-color-scheme:dark){:root{${DARK}}}
@media print{:root{${LIGHT}--ground:#fff}section{break-inside:avoid}}
*{box-sizing:border-box;margin:0}
body{max-width:1080px;margin:0 auto;padding:32px 20px 64px;background:var(--ground);color:var(--ink);font:14px/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums}
h1{font-size:24px;letter-spacing:-.01em}
h2{margin-bottom:8px;font-size:15px}
header{padding-bottom:20px}
section{margin-bottom:18px;padding:16px 18px;border:1px solid var(--line);border-radius:7px;background:var(--surface)}
.muted{color:var(--muted);font-size:12px}
.notes{border-left:3px solid var(--sliced)}
.notes ul{padding-left:18px}
.scroll{overflow-x:auto}
table{width:100%;border-collapse:collapse;font-size:13px}
th,td{padding:5px 10px;border-bottom:1px solid var(--line);text-align:left;white-space:nowrap}
thead th{color:var(--muted);font-weight:500}
tbody th{max-width:44ch;font-weight:400;white-space:normal;overflow-wrap:anywhere}
.number{text-align:right}
tr:last-child>*{border-bottom:0}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:0 18px}
dl>div{display:flex;justify-content:space-between;gap:16px;padding:2px 0}
dt{flex:none;color:var(--muted)}
dd{text-align:right;overflow-wrap:anywhere}
.key{display:flex;flex-wrap:wrap;gap:2px 16px;margin-bottom:6px;padding:0;color:var(--muted);font-size:12px;list-style:none}
.dot{display:inline-block;width:10px;height:10px;margin-right:7px;border:2px solid var(--c);border-radius:50%}
.dot.file,.key .dot{background:var(--c)}
.dense{--c:var(--ink)}${SERIES}
@media (min-width:2840px){body{zoom:1.2}}
@media (min-width:3800px){body{zoom:1.5}}
svg{display:block;max-width:100%;height:auto}
svg text{fill:var(--muted);font:11px system-ui,sans-serif}
svg .label{fill:var(--ink)}
.grid,.axis,.pareto,.bar,.curve,.cut-line{fill:none}
.grid{stroke:var(--line)}.axis{stroke:var(--strong)}
.pareto{stroke:var(--muted);stroke-width:1.25;opacity:.7}
.bar{stroke:var(--muted)}
.mark{fill:var(--surface);stroke:var(--c);stroke-width:2}.mark.file{fill:var(--c)}.mark.dense{fill:none}
.curve{stroke:var(--c);stroke-width:2}.thin{stroke-width:1.25}.dashed{stroke-dasharray:3 3}
.tile{fill:var(--tile)}.cut{fill:var(--cut);opacity:.45}.cut-line{stroke:var(--sliced);stroke-width:1.5}
.cell{fill:var(--sliced);stroke:var(--line)}
`;
