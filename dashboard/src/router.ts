// State is the URL: pages read their parameters from here and change them by navigating.
import { useEffect, useState } from "preact/hooks";

export type Change = Record<string, string | string[] | null>;

const CHANGED = "upswell:navigate";
const PAGES = ["/", "/explore", "/catalog"];

/** The current address with some parameters changed; null removes one. */
export function link(change: Change, path = location.pathname, from: URLSearchParams | null = new URLSearchParams(location.search)): string {
  const params = new URLSearchParams(from ?? undefined);
  for (const [key, value] of Object.entries(change)) {
    params.delete(key);
    for (const one of Array.isArray(value) ? value : value === null ? [] : [value]) params.append(key, one);
  }
  const search = params.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return search ? `${path}?${search}` : path;
}

export function navigate(href: string, replace = false): void {
  if (href === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", href);
  dispatchEvent(new Event(CHANGED));
}

/** Path and parameters, following back, forward and navigation. */
export function usePlace(): { path: string; params: URLSearchParams } {
  const [href, setHref] = useState(location.pathname + location.search);
  useEffect(() => {
    const follow = () => setHref(location.pathname + location.search);
    addEventListener("popstate", follow);
    addEventListener(CHANGED, follow);
    return () => {
      removeEventListener("popstate", follow);
      removeEventListener(CHANGED, follow);
    };
  }, []);
  const url = new URL(href, location.origin);
  return { path: url.pathname, params: url.searchParams };
}

/** Lets plain links between pages navigate without a reload (charts' links too). */
export function followLinks(): void {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const anchor = (event.target as Element).closest("a");
    const href = anchor?.getAttribute("href");
    if (!anchor || !href || anchor.getAttribute("target") || anchor.hasAttribute("download")) return;
    const url = new URL(href, location.href);
    if (url.origin !== location.origin || !PAGES.includes(url.pathname) || href.startsWith("#")) return;
    event.preventDefault();
    const turned = url.pathname !== location.pathname;
    navigate(url.pathname + url.search);
    if (turned) scrollTo(0, 0);
  });
}
