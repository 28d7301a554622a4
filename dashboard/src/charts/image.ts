// A chart as a PNG: its SVG with the computed styles written in, a title above and the source below.
import { save } from "../table.ts";

const STYLES = ["fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray", "opacity", "font-size", "font-weight", "font-family", "font-variant-numeric", "text-anchor", "paint-order"];
const MARGIN = { x: 24, top: 52, bottom: 36 };
const SCALE = 2;

export async function savePng(svgs: SVGSVGElement[], title: string, source: string, name: string): Promise<void> {
  const boxes = svgs.map((svg) => svg.getBoundingClientRect());
  const width = Math.max(...boxes.map((box) => box.width), 320) + 2 * MARGIN.x;
  const height = boxes.reduce((sum, box) => sum + box.height, 0) + MARGIN.top + MARGIN.bottom;
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
  context.globalAlpha = 0.75;
  context.font = `12px ${page.fontFamily}`;
  context.fillText(source, MARGIN.x, height - 14, width - 2 * MARGIN.x);
  canvas.toBlob((blob) => blob && save(name, blob), "image/png");
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
