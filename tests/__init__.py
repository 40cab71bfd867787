"""The tests mirror src/ file by file; interop/ has the real peers, fuzz/ the fuzz targets, browser/ the pages."""
