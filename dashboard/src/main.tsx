// Starts the dashboard.
import { render } from "preact";
import { App, applyTheme } from "./app.tsx";
import { followLinks } from "./router.ts";
import "./styles/base.css";
import "./styles/tiles.css";
import "./styles/pages.css";
import "./styles/print.css";

applyTheme();
followLinks();
const root = document.getElementById("app");
if (root) render(<App />, root);
