// The few icons of the page, drawn in the text's colour. They are decoration: names are on the controls.
const PATHS = {
  info: "M8 1.5a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13ZM8 7v4.500M8 4.500v.600",
  table: "M2 3h12v10H2zM2 6.500h12M2 10h12M6.500 3v10",
  chart: "M2 13.500h12M4 11V7M8 11V3M12 11V5.500",
  save: "M8 2v8M4.800 7 8 10.200 11.200 7M2.500 13.500h11",
  image: "M2 3h12v10H2zM2 11l3.500-3.500L9 11l2-2 3 3M10.500 6v.200",
  close: "M3.500 3.500l9 9M12.500 3.500l-9 9",
  theme: "M13.500 9.500A6 6 0 1 1 6.500 2.500a5 5 0 0 0 7 7Z",
  link: "M6.500 9.500 9.500 6.500M5 7.500 3.200 9.300a2.470 2.470 0 0 0 3.500 3.500L8.500 11M7.500 5l1.800-1.800a2.470 2.470 0 0 1 3.500 3.500L11 8.500",
  print: "M4 6V2h8v4M4 12H2V6h12v6h-2M4 9.500h8V14H4z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** A button that is only an icon: its name is read out and shown as a tip. */
export function IconButton({ icon, name, onClick, pressed }: { icon: IconName; name: string; onClick: () => void; pressed?: boolean }) {
  return (
    <button type="button" class="icon-button" aria-label={name} title={name} onClick={onClick} {...(pressed === undefined ? {} : { "aria-pressed": pressed })}>
      <Icon name={icon} />
    </button>
  );
}
