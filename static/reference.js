// Starts Swagger UI or Redoc, whichever the page has, with the document of this site and nothing else.
(() => {
  const swagger = document.querySelector("[data-swagger]"), redoc = document.querySelector("[data-redoc]");
  if (swagger) {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
    dark.addEventListener("change", follow);
    follow();
    SwaggerUIBundle({
      url: swagger.dataset.swagger,
      domNode: swagger,
      deepLinking: true,
      displayRequestDuration: true,
      persistAuthorization: false, // a token stays in the page, never in the browser's storage
      queryConfigEnabled: false, // no link may choose another document
      validatorUrl: null,
    });
  }
  // Its search needs a script made while it runs, which the policy refuses: the browser finds as well.
  if (redoc) Redoc.init(redoc.dataset.redoc, { disableSearch: true, nativeScrollbars: true }, redoc);
})();
