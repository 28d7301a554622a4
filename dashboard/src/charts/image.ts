// A chart as a PNG: its SVG with the computed styles written in, a title above and the source below.
import { save } from "../table.ts";

const STYLES = ["fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray", "opacity", "font-size", "font-weight", "font-family", "font-variant-numeric", "text-anchor", "paint-order"];
const MARGIN = { x: 24, top: 52, bottom: 36 };
const SCALE = 2;
const LEGEND_ROW = 20;
const LEGEND_COLUMN = 130;

/** All charts below an element, with their legend, one under the other. */
export async function savePng(frame: HTMLElement | null, title: string, source: string, name: string): Promise<void> {
  const svgs = [...(frame?.querySelectorAll<SVGSVGElement>(".chart > svg") ?? [])];
  const legend = [...(frame?.querySelectorAll<HTMLElement>(".legend li") ?? [])];
  const boxes = svgs.map((svg) => svg.getBoundingClientRect());
  const width = Math.max(...boxes.map((box) => box.width), 320) + 2 * MARGIN.x;
  const height = boxes.reduce((sum, box) => sum + box.height, 0) + MARGIN.top + MARGIN.bottom + (legend.length ? legendRows(legend, width) * LEGEND_ROW : 0);
  const canvas = document.createElement("canvas");
  canvas.width = width * SCALE;
  canvas.height = height * SCALE;
  const context = canvas.getContext("2d");
  if (!context) return;
  const page = getComputedStyle(document.body);
  const card = getComputedStyle(document.querySelector(".tile") ?? document.body);
  context.scale(SCALE, SCALE);
  context.fillStyle = card.backgroundColor;
  context.fillRect(0, 0, width, height);
  context.fillStyle = page.color;
  context.font = `600 16px ${page.fontFamily}`;
  context.fillText(title, MARGIN.x, 32, width - 2 * MARGIN.x);
  let top = MARGIN.top;
  for (const [index, svg] of svgs.entries()) {
    const box = boxes[index] as DOMRect;
    context.drawImage(await picture(svg, box), MARGIN.x, top, box.width, box.height);
    top += box.height;
  }
  context.font = `12px ${page.fontFamily}`;
  drawLegend(context, legend, top, width);
  context.fillStyle = page.color;
  context.globalAlpha = 0.75;
  context.fillText(source, MARGIN.x, height - 14, width - 2 * MARGIN.x);
  canvas.toBlob((blob) => blob && save(name, blob), "image/png");
}

const perRow = (width: number) => Math.max(1, Math.floor((width - 2 * MARGIN.x) / LEGEND_COLUMN));
const legendRows = (legend: HTMLElement[], width: number) => Math.ceil(legend.length / perRow(width));

function drawLegend(context: CanvasRenderingContext2D, legend: HTMLElement[], top: number, width: number): void {
  const ink = context.fillStyle;
  legend.forEach((entry, index) => {
    const x = MARGIN.x + (index % perRow(width)) * LEGEND_COLUMN;
    const y = top + Math.floor(index / perRow(width)) * LEGEND_ROW + 14;
    const swatch = entry.querySelector(".swatch");
    context.fillStyle = swatch ? getComputedStyle(swatch).backgroundColor : ink;
    context.fillRect(x, y - 9, 11, 11);
    context.fillStyle = ink;
    context.fillText(entry.textContent?.trim() ?? "", x + 17, y, LEGEND_COLUMN - 24);
  });
}

async function picture(svg: SVGSVGElement, box: DOMRect): Promise<HTMLImageElement> {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const originals = svg.querySelectorAll("*");
  copy.querySelectorAll("*").forEach((element, index) => {
    const computed = getComputedStyle(originals[index] as Element);
    for (const property of STYLES) element.setAttribute(property, computed.getPropertyValue(property));
  });
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", String(box.width));
  copy.setAttribute("height", String(box.height));
  copy.setAttribute("color", getComputedStyle(svg).color);
  const url = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }));
  const image = new Image();
  image.src = url;
  await image.decode();
  URL.revokeObjectURL(url);
  return image;
}
