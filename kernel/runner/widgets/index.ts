/** The widgets that cells have without importing them; declaration.ts gives their types. */
export { HBox, Output, VBox } from "./containers.js";
export { Button, Checkbox, Dropdown, HTML, Label, Text } from "./controls.js";
export { FloatProgress, FloatSlider, IntProgress, IntSlider } from "./numbers.js";
