// The frame around every chart: sizes it, names it for assistive technology, and makes the marks
// that lead somewhere walkable by keyboard. Drawing is Observable Plot's.
import { useEffect, useRef, useState } from "preact/hooks";

type Props = {
  /** What the chart shows, in a sentence. */
  label: string;
  height: number;
  /** Below this width the picture scrolls inside its frame instead of being drawn illegibly. */
  least?: number;
  /** Small enough for any frame. */
  small?: boolean;
  /** Draws for a width; called again when width or `inputs` change. */
  draw: (width: number, height: number) => SVGElement | HTMLElement;
  inputs: unknown[];
};

/** Margins and labels alone need so much. */
const ROOM = 240;

export function Chart({ label, height, least = 0, small, draw, inputs }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);

  useEffect(() => {
    const element = frame.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(([entry]) => entry && setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    if (!frame.current || width < 40) return;
    const drawn = draw(Math.max(width, least, small ? 0 : ROOM), height);
    // Plot brings a <style> of its own, which the content-security policy refuses; charts.css holds it.
    for (const style of drawn.querySelectorAll("style")) style.remove();
    prepare(drawn, label);
    frame.current.replaceChildren(drawn);
  }, [width, height, label, ...inputs]);

  // The height is reserved before the first drawing, so that nothing jumps.
  return <div class={`chart ${least ? "wide" : ""}`} ref={frame} style={{ minHeight: `${height}px` }} />;
}

function prepare(svg: Element, label: string): void {
  const links = [...svg.querySelectorAll("a")];
  svg.setAttribute("role", links.length ? "group" : "img");
  svg.setAttribute("aria-label", label);
  // Without links the picture is one image; with them, only the links speak.
  for (const part of svg.querySelectorAll("g[aria-label]")) part.removeAttribute("aria-label");
  for (const text of svg.querySelectorAll(":scope > g > text, :scope > g > g > text")) text.setAttribute("aria-hidden", "true");
  links.forEach((anchor, index) => {
    const named = anchor.querySelector("[aria-label]");
    if (named) {
      anchor.setAttribute("aria-label", named.getAttribute("aria-label") ?? "");
      named.removeAttribute("aria-label");
    }
    const href = anchor.getAttributeNS("http://www.w3.org/1999/xlink", "href");
    if (href) anchor.setAttribute("href", href);
    anchor.setAttribute("tabindex", index === 0 ? "0" : "-1");
  });
  if (links.length) walk(svg, links);
}

/** One tab stop for the chart; the arrows move among its marks. */
function walk(svg: Element, links: Element[]): void {
  svg.addEventListener("keydown", (event) => {
    const at = links.indexOf((event as KeyboardEvent).target as Element);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[(event as KeyboardEvent).key];
    const key = (event as KeyboardEvent).key;
    const to = key === "Home" ? 0 : key === "End" ? links.length - 1 : step === undefined || at < 0 ? -1 : at + step;
    const next = links[to];
    if (!next) return;
    event.preventDefault();
    for (const anchor of links) anchor.setAttribute("tabindex", anchor === next ? "0" : "-1");
    (next as SVGAElement).focus();
  });
}
