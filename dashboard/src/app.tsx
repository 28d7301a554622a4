// The shell: skip link, navigation, theme, and the page that the address names.
import { useEffect, useState } from "preact/hooks";
import { BoardPage } from "./board/page.tsx";
import { CatalogPage } from "./catalog/page.tsx";
import { Icon, IconButton } from "./components/icons.tsx";
import { ExplorePage } from "./explore/page.tsx";
import { usePlace } from "./router.ts";

const PAGES = [["/", "Board"], ["/explore", "Explore"], ["/catalog", "Catalogue"]] as const;
const THEME = "upswell-theme";

/** A chosen theme overrides the system's. */
export function applyTheme(): void {
  const theme = localStorage.getItem(THEME);
  if (theme) document.documentElement.dataset.theme = theme;
}

function toggleTheme(): void {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark" || (document.documentElement.dataset.theme === undefined && matchMedia("(prefers-color-scheme: dark)").matches);
  localStorage.setItem(THEME, dark ? "light" : "dark");
  applyTheme();
}

export function App() {
  const { path, params } = usePlace();
  const page = PAGES.find(([href]) => href === path)?.[1] ?? "Board";
  useEffect(() => {
    document.title = page === "Board" ? "Upswell" : `${page} · Upswell`;
  }, [page]);
  return (
    <>
      <a class="skip" href="#main">Skip to the numbers</a>
      <header class="top">
        <a class="brand" href="/"><Mark /> Upswell</a>
        <nav aria-label="Pages">{PAGES.map(([href, name]) => <a key={href} href={href} aria-current={name === page ? "page" : undefined}>{name}</a>)}</nav>
        <div class="tools"><Share /><IconButton icon="print" name="Print" onClick={() => print()} /><IconButton icon="theme" name="Switch between light and dark" onClick={toggleTheme} /></div>
      </header>
      {page === "Explore" ? <ExplorePage params={params} /> : page === "Catalogue" ? <CatalogPage params={params} /> : <BoardPage params={params} />}
    </>
  );
}

function Share() {
  const [copied, setCopied] = useState(false);
  const copy = () => navigator.clipboard.writeText(location.href).then(() => { setCopied(true); setTimeout(() => setCopied(false), 2000); }, () => undefined);
  return (
    <>
      <button type="button" class="button quiet" onClick={copy}><Icon name="link" /> <span>{copied ? "Link copied" : "Copy link"}</span></button>
      <span class="visually-hidden" role="status">{copied ? "Link copied" : ""}</span>
    </>
  );
}

function Mark() {
  return <svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" /><path d="M5 22c4 0 5-3 8-3s4 2 7 0 4-8 7-10M22 8.500h5.500V14" /></svg>;
}
